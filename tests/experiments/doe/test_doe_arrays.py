"""Orthogonal arrays: what they are, and how factors find room."""

import numpy as np
import pydoe
import pytest

from jsr.errors import UserError
from jsr.experiments.doe import arrays

L9 = '1111 1222 1333 2123 2231 2312 3132 3213 3321'


def test_l9_is_the_one_of_the_report():
  rows = [[int(digit) - 1 for digit in row] for row in L9.split()]
  np.testing.assert_array_equal(arrays.whole('L9(3^4)'), rows)


@pytest.mark.parametrize('name', arrays.names())
def test_every_array_is_orthogonal(name):
  array = arrays.whole(name)
  assert arrays.is_orthogonal(array)
  assert len(array) == int(name[1:].partition('(')[0])


def test_an_array_of_pydoe_that_is_none_is_not_offered():
  """A fault of its data; where it is mended, the array is offered."""
  assert set(pydoe.list_orthogonal_arrays()) - set(arrays.names()) <= {'L64(2^31)'}
  if 'L64(2^31)' not in arrays.names():
    with pytest.raises(UserError, match='is not orthogonal'):
      arrays.choose('L64(2^31)', [2])
    assert arrays.choose('L64', [4]).name == 'L64(4^21)'


def test_orthogonality_can_fail():
  array = arrays.whole('L9(3^4)').copy()
  array[0, 0] = 1
  assert not arrays.is_orthogonal(array)
  assert not arrays.is_orthogonal(np.array([[0, 0], [1, 1]]))


def test_factors_find_room():
  assert arrays.choose('L9', [3, 3]).columns == (0, 1)
  assert arrays.choose('l18', [3, 6]).columns == (1, 0)
  # The first of two arrays with 16 runs has no four levels.
  assert arrays.choose('L16', [4, 4]).name == 'L16(4^5)'
  with pytest.raises(UserError, match=r'no columns for factors with 2 levels'):
    arrays.choose('L9', [2])
  with pytest.raises(UserError, match="did you mean 'L9"):
    arrays.choose('L9(3^5)', [3])
