"""What a method's name means, and what is told about a damaged workdir."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.evaluate import methods
from jsr.ops import resize
from jsr.train import settings
from tests import images, workdirs

LR = images.smooth(12, 10)


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'run'
  return workdirs.make(folder, steps=((1, 21.0), (2, 25.0), (3, 23.0)))


def test_interpolations():
  nearest, bicubic = methods.resolve('nearest'), methods.resolve('b=bicubic')
  assert (nearest.label, bicubic.label) == ('nearest', 'b')
  np.testing.assert_array_equal(
    nearest.upscale_uint8(LR, 3), LR.repeat(3, 0).repeat(3, 1)
  )
  np.testing.assert_array_equal(
    bicubic.upscale_uint8(LR, 3), resize.resize_uint8(jnp.asarray(LR), 3)
  )
  rounded = np.clip(np.round(bicubic.upscale(LR.astype(float), 3)), 0, 255)
  # Unrounded between its passes, the float form is another one, but not by much.
  assert np.abs(rounded - bicubic.upscale_uint8(LR, 3).astype(float)).max() <= 2


def test_a_network(workdir):
  method = methods.resolve(str(workdir))
  assert method.label == 'run'
  assert method.color == 'rgb'
  assert method.note == 'srresnet, best checkpoint, step 2'
  sr = method.upscale_uint8(LR, 4)
  assert sr.shape == (48, 40, 3)
  assert sr.dtype == np.uint8
  # Grey is shown as RGB.
  np.testing.assert_array_equal(
    method.upscale_uint8(LR[..., :1], 4),
    method.upscale_uint8(LR[..., :1].repeat(3, -1), 4),
  )
  with pytest.raises(UserError, match='run enlarges 4 times and cannot be asked for 3'):
    method.upscale_uint8(LR, 3)


def test_best_is_not_latest(workdir):
  best = methods.from_workdir(workdir, 'x')
  latest = methods.from_workdir(workdir, 'x', which='latest')
  assert 'step 2' in best.note
  assert latest.note == 'srresnet, latest checkpoint, step 3'
  x = LR.astype(float)
  assert np.abs(best.upscale(x, 4) - latest.upscale(x, 4)).max() > 1


def test_labels(workdir, tmp_path, monkeypatch):
  assert methods.resolve(f'mine={workdir}').label == 'mine'
  # A '=' in a path is part of the path.
  odd = tmp_path / 'rate=0.1'
  shutil.copytree(workdir, odd)
  assert methods.resolve(str(odd)).label == 'rate=0.1'
  assert methods.resolve(f'mine={odd}').label == 'mine'
  monkeypatch.chdir(odd)
  assert methods.resolve('.').label == 'rate=0.1'
  assert methods.resolve('images:.').label == 'rate=0.1'


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    ('bicubc', "no method or folder 'bicubc'"),
    ('x=', "'x=' names no"),
    ('', "'' names no"),
    ('x=images:', 'names no method or folder'),
    ('x=images:nowhere', 'x: there is no folder nowhere'),
    ('drcn', 'comes without weights'),
  ],
)
def test_nothing_of_that_name(spec, message):
  with pytest.raises(UserError, match=message):
    methods.resolve(spec)


@pytest.mark.parametrize('layout', ['Mini/{}.png', '{}.png', 'Mini/{}_x4_sr.png'])
def test_pictures_made_elsewhere(tmp_path, layout):
  workdirs.save(tmp_path / layout.format('a'), LR)
  found = methods.resolve(f'theirs=images:{tmp_path}')
  assert (found.label, found.note) == ('theirs', f'pictures of {tmp_path.name}')
  np.testing.assert_array_equal(found.read('Mini', 'a'), LR)
  with pytest.raises(UserError, match=r"theirs: no picture for 'b' of Mini, looked"):
    found.read('Mini', 'b')


def test_the_set_s_own_folder_comes_first(tmp_path):
  workdirs.save(tmp_path / 'a.png', LR)
  workdirs.save(tmp_path / 'Mini' / 'a.png', LR[::-1])
  found = methods.Pictures('x', tmp_path)
  np.testing.assert_array_equal(found.read('Mini', 'a'), LR[::-1])
  np.testing.assert_array_equal(found.read('Other', 'a'), LR)


def changed(workdir, folder, **changes):
  shutil.copytree(workdir, folder)
  config = json.loads((folder / settings.FILE).read_text())
  for key, value in changes.items():
    node = config
    *path, last = key.split('__')
    for part in path:
      node = node[part]
    node[last] = value
  (folder / settings.FILE).write_text(json.dumps(config))
  return folder


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    (b'{"seed": ', 'is damaged'),
    (b'{"learning_rate": 1}', 'is no config of a jsr run'),
    (b'{"generator": 3, "scale": 4}', 'is no config of a jsr run'),
    (b'[1, 2]', 'config.json'),
    (b'\xff\xfe\x00', 'config.json'),
  ],
)
def test_a_config_of_another_program(tmp_path, text, message):
  (tmp_path / settings.FILE).write_bytes(text)
  with pytest.raises(UserError, match=message):
    methods.resolve(str(tmp_path))


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'generator__args__features': 4}, 'does not fit the checkpoint'),
    ({'generator__args__features': 'many'}, 'does not fit the checkpoint'),
    ({'generator__name': 'srresnot'}, "did you mean 'srresnet'"),
    ({'scale': 'four'}, 'is no config of a jsr run'),
  ],
)
def test_a_config_that_does_not_fit(workdir, tmp_path, changes, message):
  folder = changed(workdir, tmp_path / 'run', **changes)
  with pytest.raises(UserError, match=message):
    methods.resolve(str(folder))


def test_workdirs_without_a_checkpoint(workdir, tmp_path):
  with pytest.raises(UserError, match='is no workdir'):
    methods.resolve(str(tmp_path))
  shutil.copy(workdir / settings.FILE, tmp_path)
  with pytest.raises(UserError, match='has no checkpoints; train there first'):
    methods.resolve(str(tmp_path))


def test_a_damaged_checkpoint(workdir, tmp_path):
  folder = changed(workdir, tmp_path / 'run')
  for file in folder.glob('checkpoints/*/state/**/*'):
    if file.is_file():
      file.write_bytes(b'x')
  with pytest.raises(UserError, match=r'best checkpoint of .* cannot be read'):
    methods.resolve(str(folder))
