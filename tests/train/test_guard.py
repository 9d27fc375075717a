"""The guard's judgement."""

import pytest

from jsr.errors import UserError
from jsr.train import guard


def test_rolls_back_then_stops():
  watch = guard.Guard(max_streak=3, max_rollbacks=2)
  assert not watch.should_roll_back(0, 10)
  assert not watch.should_roll_back(2, 20)
  assert watch.should_roll_back(3, 30)
  assert watch.should_roll_back(9, 40)
  assert watch.rollbacks == 2
  with pytest.raises(guard.TrainingStoppedError, match='step 50: 4 steps in a row'):
    watch.should_roll_back(4, 50)
  assert issubclass(guard.TrainingStoppedError, UserError)
