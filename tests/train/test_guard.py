"""The guards' judgement."""

import math

import pytest

from configs import default
from jsr.errors import UserError
from jsr.train import guard, logs


def test_streaks():
  watch = guard.Guard(max_streak=3, max_rollbacks=2)
  assert watch.non_finite(0) == watch.non_finite(2) == ''
  assert watch.non_finite(3) == '3 steps in a row were not finite'


def test_gives_up():
  watch = guard.Guard(max_streak=3, max_rollbacks=2)
  watch.count('this', 30)
  watch.count('that', 40)
  with pytest.raises(
    guard.TrainingStoppedError, match='step 50: the same, again after 2'
  ):
    watch.count('the same', 50)
  assert watch.rollbacks == 2
  assert issubclass(guard.TrainingStoppedError, UserError)


def test_what_rollbacks_changed_is_kept(tmp_path):
  guard.Guard(3, 2, rollbacks=2, rate=0.25).write(tmp_path)
  fresh = guard.Guard(3, 2)
  fresh.read(tmp_path)
  assert (fresh.rollbacks, fresh.rate) == (2, 0.25)
  # A checkpoint may know of more.
  further = guard.Guard(3, 2, rollbacks=3, rate=0.125)
  further.read(tmp_path)
  assert (further.rollbacks, further.rate) == (3, 0.125)
  guard.Guard(3, 2).read(tmp_path / 'nowhere')


def collapse(**settings):
  c = default.get_config().guard
  c.patience = 3
  c.update(settings)
  return guard.Collapse(c)


def test_nothing_is_watched_unless_asked():
  watch = collapse()
  for _ in range(9):
    assert watch.logged({'d/loss': 0.0, 'g/total': 1e30}) == ''
  assert watch.evaluated(30.0) == watch.evaluated(1.0) == ''


def test_saturation_takes_patience_in_a_row():
  watch = collapse(saturation=0.1)
  losses = [0.01, 0.01, 0.5, 0.01, math.nan, 0.01]
  assert [watch.logged({'d/loss': loss}) for loss in losses] == [''] * 6
  assert watch.logged({'d/loss': 0.02}) == (
    "the discriminator's loss was below 0.1 in 3 lines of the log"
  )
  watch.forget()
  assert watch.logged({'d/loss': 0.01}) == ''
  assert watch.logged({'g/total': 0.01}) == ''  # No discriminator, no game.


def test_explosion_is_measured_by_the_median():
  watch = collapse(explosion=5.0)
  losses = [100.0, 1.0, 1.0, 4.9, 1.0]  # The first are no measure yet.
  assert [watch.logged({'g/total': loss}) for loss in losses] == [''] * 5
  assert (
    watch.logged({'g/total': 5.1}) == "the generator's loss is 5.1, and used to be 1"
  )
  # What exploded does not become the measure.
  assert watch.logged({'g/total': 6.0}) != ''


def test_drop_is_measured_from_the_best():
  watch = collapse(drop=2.0)
  assert watch.evaluated(28.0) == watch.evaluated(30.0) == watch.evaluated(28.1) == ''
  assert watch.evaluated(27.9) == 'the validation figure is 27.9, and was 30'
  watch.forget()
  assert watch.evaluated(27.9) != ''
  assert watch.evaluated(None) == watch.evaluated(math.nan) == ''


def test_a_resumed_watch_judges_as_the_unbroken_one():
  settings = {'saturation': 0.1, 'explosion': 5.0, 'drop': 2.0}
  log = [
    {'step': 1, 'd/loss': 0.01, 'g/total': 100.0},
    {'step': 1, 'psnr': 30.0},
    {'step': 9, 'event': f'{guard.ROLLED_BACK} from step 9 to step 0: a reason'},
    # The third was logged after the checkpoint that the run goes on from.
    *({'step': i, 'd/loss': 0.01, 'g/total': 1.0} for i in range(1, 4)),
  ]
  resumed, fresh = collapse(**settings), collapse(**settings)
  resumed.replay(logs.up_to(2, log), 'psnr')
  assert resumed.evaluated(27.9) != fresh.evaluated(27.9) == ''
  # Two low ones since the rollback, and the third.
  line = {'d/loss': 0.02, 'g/total': 1.0}
  assert 'in 3 lines' in resumed.logged(line)
  assert fresh.logged(line) == ''


def test_a_critic_may_have_losses_below_zero():
  watch = collapse(explosion=10.0)
  losses = [-0.5, -0.4, -0.6, -0.5, 3.9]
  assert [watch.logged({'g/total': loss}) for loss in losses] == [''] * 5
  assert watch.logged({'g/total': 4.1}) != ''


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'patience': 0}, 'guard.patience=0 must be at least 1'),
    ({'max_streak': 0}, 'guard.max_streak=0 must be at least 1'),
    ({'drop': -1.0}, 'guard.drop=-1.0 must be at least 0'),
    ({'cut': 0.0}, 'guard.cut=0.0 must be above 0 and at most 1'),
    ({'cut': 2.0}, 'guard.cut=2.0 must be above 0 and at most 1'),
    ({'explosion': 0.5}, 'guard.explosion=0.5 must be above 1'),
    ({'saturation': 0.1}, 'config.discriminator.name names none'),
    ({'drop': 1.0}, 'set config.checkpoint.best_metric and config.eval.every'),
  ],
)
def test_watches_that_would_see_nothing(settings, message):
  c = default.get_config()
  c.checkpoint.best_metric = ''
  c.guard.update(settings)
  with pytest.raises(UserError, match=message):
    guard.check(c)


def test_saturation_needs_a_floor():
  c = default.get_config()
  c.guard.saturation, c.discriminator.name = 0.1, 'srgan'
  guard.check(c)
  c.losses.adversarial = 'wgan-gp'
  with pytest.raises(UserError, match="a critic's loss, as that of 'wgan-gp'"):
    guard.check(c)
