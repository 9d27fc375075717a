"""The gate: right sets pass, wrong ones are refused with the reason."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr.errors import UserError
from jsr.evaluate import gate, protocol, sets
from jsr.ops import resize
from tests import images

RULE = protocol.get('rgb8')


@pytest.fixture
def standard(monkeypatch):
  """A small set that plays the part of a standard one."""
  pictures = [
    sets.Picture('a', images.smooth(48, 56)),
    sets.Picture('b', np.roll(images.smooth(48, 56), 9, 1)),
    sets.Picture('grey', images.smooth(44, 48)[..., :1]),
  ]
  made = sets.PictureSet('Mini', pictures, 'here')
  known = {
    name: {'Mini': {'4': gate.bicubic(made, 4, rule)}}
    for name, rule in protocol.PROTOCOLS.items()
  }
  monkeypatch.setattr(gate, 'reference', lambda: known)
  return made


def test_every_protocol_has_a_gate(standard):
  for rule in protocol.PROTOCOLS.values():
    assert gate.check(standard, 4, rule) == 'published'
  # What takes seconds is measured on the smallest picture alone.
  rows = gate.reference()['report001']['Mini']['4']
  fsim = {name: values[-1] for name, values in rows.items()}
  assert {name for name, x in fsim.items() if x is not None} == {'grey'}


def test_each_column_is_guarded(standard, monkeypatch):
  monkeypatch.setattr(gate, '_diagnose', lambda *_: 'it is')
  rule = protocol.get('report001')
  right = gate.reference()['report001']['Mini']['4']
  for column, off in enumerate((0.003, 0.0003, 0.00002, 0.0003)):
    wrong = {k: [*v] for k, v in right.items()}
    for values in wrong.values():
      if values[column] is not None:
        values[column] += off
    gate.reference()['report001']['Mini']['4'] = wrong
    with pytest.raises(UserError, match=r'report001.*would be comparable'):
      gate.check(standard, 4, rule)


def test_means_of_a_whole_set(standard, monkeypatch):
  named = dataclasses.replace(standard, name='Urban100')
  assert gate.check(named, 4, RULE) == 'no reference'  # Not all of its pictures.
  mean = np.mean([v[0] for v in gate.bicubic(named, 4, RULE).values()])
  for off, fits in ((0.02, True), (0.05, False)):
    known = {'urban100': {'4': (3, {'psnr_y': (mean + off, 0.03)})}}
    monkeypatch.setattr(gate, 'MEANS', {'rgb8': known})
    if fits:
      assert gate.check(named, 4, RULE) == 'published'
    else:
      with pytest.raises(
        UserError, match=r'psnr_y of bicubic is .* in their full size'
      ):
        gate.check(named, 4, RULE)


def changed(pictures, change):
  return dataclasses.replace(pictures, pictures=[change(p) for p in pictures.pictures])


def with_lr(pictures, make):
  return changed(pictures, lambda p: sets.Picture(p.name, p.hr, make(p.hr)))


def test_the_right_set_passes(standard):
  assert gate.check(standard, 4, RULE) == 'published'
  assert gate.check(standard, 4, protocol.get('y_float')) == 'published'
  first = dataclasses.replace(standard, pictures=standard.pictures[:1])
  assert gate.check(first, 4, RULE) == 'published'


def test_an_unknown_set_or_scale_has_no_reference(standard):
  other = dataclasses.replace(standard, name='Mine')
  assert gate.check(other, 4, RULE) == 'no reference'
  assert gate.check(standard, 2, RULE) == 'no reference'


def test_the_right_lr_passes(standard):
  given = with_lr(standard, lambda hr: protocol.make_lr(hr, 4))
  assert gate.check(given, 4, RULE) == 'published'


@pytest.mark.parametrize(
  ('make', 'reason'),
  [
    (
      lambda hr: np.asarray(
        resize.resize_uint8(jnp.asarray(hr), 0.25, antialias=False)
      ),
      'bicubic without antialiasing',
    ),
    (
      lambda hr: (
        hr.reshape(hr.shape[0] // 4, 4, -1, 4, hr.shape[2])
        .mean((1, 3))
        .round()
        .astype(np.uint8)
      ),
      'the mean of each block',
    ),
    (lambda hr: hr[::4, ::4], 'every n-th pixel'),
  ],
)
def test_wrong_lr_is_named(standard, make, reason):
  with pytest.raises(UserError, match=f'not MATLAB bicubic.*{reason}.*drop --lr'):
    gate.check(with_lr(standard, make), 4, RULE)


def test_swapped_channels_are_named(standard):
  swapped = changed(standard, lambda p: sets.Picture(p.name, p.hr[..., ::-1]))
  with pytest.raises(UserError, match='BGR order'):
    gate.check(swapped, 4, RULE)


def test_grey_as_rgb_is_named(standard):
  rgb = changed(
    standard,
    lambda p: sets.Picture(p.name, np.repeat(p.hr, 4 - p.hr.shape[-1], -1)[..., :3]),
  )
  with pytest.raises(UserError, match='grey picture grey is stored as RGB'):
    gate.check(rgb, 4, RULE)


def test_a_wrong_rule_is_named(standard):
  for rule, reason in (
    (dataclasses.replace(RULE, crop=0), 'a border cut of the scale'),
    (dataclasses.replace(RULE, plane='y_full'), 'studio-range luma'),
  ):
    with pytest.raises(UserError, match=reason):
      gate.check(standard, 4, rule)


def test_other_pictures_are_named(standard):
  def recompressed(p):
    if p.name != 'b':
      return p
    return sets.Picture(p.name, np.asarray(Image.fromarray(p.hr).rotate(20)))

  with pytest.raises(UserError, match='seem to be others, first of all b'):
    gate.check(changed(standard, recompressed), 4, RULE)
  renamed = changed(standard, lambda p: sets.Picture('c', p.hr))
  with pytest.raises(UserError, match="no picture called 'c'"):
    gate.check(renamed, 4, RULE)
