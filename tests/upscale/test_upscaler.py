"""Enlarging files: every kind of input, and what one bad file does to the others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr import models
from jsr.errors import UserError
from jsr.evaluate import methods
from jsr.ops import resize
from jsr.upscale import upscaler
from jsr.weights import model_file
from tests import images, workdirs

A = images.smooth(12, 14)


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return workdirs.make(tmp_path_factory.mktemp('runs') / 'run')


@pytest.fixture
def picture(tmp_path):
  workdirs.save(tmp_path / 'in' / 'a.png', A)
  return tmp_path / 'in' / 'a.png'


def upscale(paths, folder, model='nearest', scale=None):
  return upscaler.run(paths, folder=folder, model=model, scale=scale)


def load(path):
  with Image.open(path) as image:
    assert image.format == 'PNG'
    assert image.mode == 'RGB'
    return np.asarray(image)


def everything(folder):
  return sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*'))


def test_interpolations(picture, tmp_path, capsys):
  out = tmp_path / 'new' / 'out'
  assert upscale([picture], out) == 0
  np.testing.assert_array_equal(load(out / 'a.png'), A.repeat(4, 0).repeat(4, 1))
  assert capsys.readouterr().out == f'{picture} (14x12) -> {out / "a.png"} (56x48)\n'
  assert upscale([picture], out, 'bicubic', 3) == 0
  want = resize.resize_uint8(jnp.asarray(A), 3)
  np.testing.assert_array_equal(load(out / 'a.png'), want)
  assert everything(out) == ['a.png']


def test_a_workdir(picture, tmp_path, workdir):
  assert upscale([picture], tmp_path / 'out', str(workdir)) == 0
  want = methods.from_workdir(workdir, 'x').upscale_uint8(A, 4)
  np.testing.assert_array_equal(load(tmp_path / 'out' / 'a.png'), want)
  with pytest.raises(UserError, match='run enlarges 4 times and cannot be asked for 2'):
    upscale([picture], tmp_path / 'other', str(workdir), 2)
  assert not (tmp_path / 'other').exists()


def test_a_model_file(picture, tmp_path):
  path = tmp_path / 'mine.safetensors'
  args = {'middle': 1, 'features': (4, 2)}
  model = models.build('srcnn', scale=2, **args)
  variables = model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 1)))
  model_file.save(path, generator='srcnn', scale=2, args=args, variables=variables)
  grey = tmp_path / 'in' / 'grey.png'
  workdirs.save(grey, A[..., :1])
  out = tmp_path / 'out'
  assert upscale([picture, grey], out, str(path)) == 0
  method = methods.resolve(str(path))
  assert method.color == 'y'
  np.testing.assert_array_equal(load(out / 'a.png'), method.upscale_uint8(A, 2))
  # Grey values are luma; as RGB they would be squeezed first.
  want = method.upscale_uint8(A[..., :1], 2).repeat(3, -1)
  np.testing.assert_array_equal(load(out / 'grey.png'), want)
  with pytest.raises(UserError, match='mine enlarges 2 times and cannot be asked'):
    upscale([picture], tmp_path / 'other', str(path), 3)


def test_kinds_of_files(tmp_path):
  """By the table of `jsr.data.images`."""
  grey = A[..., :1].repeat(3, -1)
  palette = Image.fromarray(A).convert('P', palette=Image.Palette.ADAPTIVE, colors=9)
  alpha = np.dstack([A, np.full(A.shape[:2], 0, np.uint8)])
  cases = {
    'grey': (Image.fromarray(A[..., 0]), grey),
    'deep': (Image.fromarray(A[..., 0].astype(np.uint16) * 257), grey),
    'palette': (palette, np.asarray(palette.convert('RGB'))),
    'alpha': (Image.fromarray(alpha), np.full_like(A, 255)),
  }
  for name, (image, _) in cases.items():
    image.save(tmp_path / f'{name}.png')
  assert upscale([tmp_path / f'{name}.png' for name in cases], tmp_path / 'o') == 0
  for name, (_, want) in cases.items():
    got = load(tmp_path / 'o' / f'{name}.png')
    np.testing.assert_array_equal(got[::4, ::4], want, err_msg=name)


def test_bad_files_do_not_stop_the_others(picture, tmp_path, capsys):
  bad = tmp_path / 'in' / 'bad.png'
  bad.write_bytes(b'no picture')
  short = tmp_path / 'in' / 'short.png'
  short.write_bytes(picture.read_bytes()[:60])
  missing = tmp_path / 'in' / 'missing.png'
  out = tmp_path / 'out'
  assert upscale([bad, short, missing, tmp_path / 'in', picture], out) == 2
  assert everything(out) == ['a.png']
  told = capsys.readouterr()
  assert str(picture) in told.out
  lines = told.err.splitlines()
  assert len(lines) == 4
  assert lines[0] == f'jsr upscale: {bad}: not an image in a known format'
  assert 'truncated' in lines[1] or 'decoded' in lines[1]
  assert lines[2] == f'jsr upscale: {missing}: the file does not exist'
  assert f'{tmp_path / "in"}: ' in lines[3]


def test_nothing_half_written_stays(picture, tmp_path, monkeypatch, capsys):
  out = tmp_path / 'out'
  upscale([picture], out)
  before = (out / 'a.png').read_bytes()
  save = Image.Image.save

  def full(self, path, **options):
    save(self, path, **options)
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(Image.Image, 'save', full)
  assert upscale([picture], out, 'bicubic') == 2
  assert everything(out) == ['a.png']
  assert (out / 'a.png').read_bytes() == before
  assert 'cannot be written: No space left' in capsys.readouterr().err


def test_too_large_a_result(picture, tmp_path, capsys):
  assert upscale([picture], tmp_path / 'out', scale=5000) == 2
  assert '70000 x 60000 pixels would be too many' in capsys.readouterr().err
  assert not (tmp_path / 'out').exists()


def test_mistakes_are_told_before_anything_is_made(picture, tmp_path):
  twin = tmp_path / 'other' / 'a.jpg'
  workdirs.save(twin, A)
  out = tmp_path / 'out'
  (tmp_path / 'file').write_text('')
  for paths, folder, model, message in (
    ([picture, twin], out, 'nearest', r'a\.png and .*a\.jpg would both become'),
    ([picture], out, 'bicubc', 'no method or folder'),
    ([picture], out, f'images:{tmp_path}', '--model wants'),
    ([picture], tmp_path / 'file', 'nearest', 'cannot write into the folder'),
    ([picture], tmp_path / 'file' / 'x', 'nearest', 'cannot write into the folder'),
    ([picture], picture.parent, 'nearest', 'is an input and would be replaced'),
    ([twin.parent / '..' / 'in' / 'a.png'], picture.parent, 'nearest', 'is an input'),
  ):
    before = everything(tmp_path)
    with pytest.raises(UserError, match=message):
      upscale(paths, folder, model)
    assert everything(tmp_path) == before
  np.testing.assert_array_equal(load(picture), A)
