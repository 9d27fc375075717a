"""What a worker makes of an upload, step by step in this process."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.web import pictures
from tests.web.results import files, opened


@pytest.mark.parametrize(
  'fields',
  [
    {'model': 'espcn', 'scale': '2'},
    {'model': 'compact', 'scale': '4', 'self_ensemble': 'on'},
    {'model': 'compact', 'scale': '3', 'consistent': '1', 'seamless': '1'},
    {'model': 'nearest', 'scale': '2.5'},
  ],
  ids=str,
)
def test_as_by_command(made, fields):
  """The site makes what `jsr.load(...).upscale` makes."""
  import jsr
  from jsr.upscale.upscaler import Options, Upscaler

  assert jsr.load
  job = made(**fields)
  assert (job.state, job.error, job.progress) == ('done', '', 1)
  options = Options(
    scale=float(fields['scale']),
    self_ensemble='self_ensemble' in fields,
    wrap='seamless' in fields,
    consistent='consistent' in fields,
  )
  expected = Upscaler(fields['model'], options).upscale(pictures.array())
  np.testing.assert_array_equal(np.asarray(opened(job.file)), expected)
  assert (job.height, job.width) == expected.shape[:2]
  assert (job.residual is not None) == ('consistent' in fields)
  assert job.seconds > 0


def test_strength_mixes_networks(made):
  from jsr.upscale.upscaler import Options, Upscaler

  job = made(model='compact', scale='4', strength='0.5')
  options = Options(scale=4.0, strength=0.5)
  expected = Upscaler('compact-x4', options).upscale(pictures.array())
  np.testing.assert_array_equal(np.asarray(opened(job.file)), expected)
  # At another scale, too: the network with a partner, and a resizing.
  other = made(model='compact', scale='2', strength='1')
  assert (other.state, other.width) == ('done', 48)


def test_trust_map(made):
  job = made(model='compact', scale='4', kind='trust')
  image = opened(job.file)
  # Without the legend, which is in English: the page has its own words.
  assert image.size == (96, 64)
  assert np.asarray(image).max() > 0


def test_metadata_and_transparency_stay(made):
  from PIL import ImageCms

  icc = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
  exif = Image.Exif()
  exif[315] = 'Somebody'
  rgba = Image.fromarray(pictures.array(channels=4))
  stream = io.BytesIO()
  rgba.save(stream, 'PNG', icc_profile=icc, exif=exif)
  image = opened(made(stream.getvalue()).file)
  assert image.mode == 'RGBA'
  assert image.info['icc_profile'] == icc
  assert image.getexif()[315] == 'Somebody'


def test_sixteen_bits_stay(made):
  deep = (pictures.array(channels=1)[..., 0].astype(np.uint16) << 8) + 77
  stream = io.BytesIO()
  Image.fromarray(deep).save(stream, 'PNG')
  job = made(stream.getvalue())
  result = np.asarray(opened(job.file))
  assert result.dtype in (np.uint16, np.int32)
  assert result.max() > 255


@pytest.mark.parametrize('format', ['TIFF', 'PPM', 'JPEG2000'])
def test_browsers_see_every_upload(made, client, format):
  """Formats that browsers cannot show get a view."""
  data = pictures.encoded(format)
  job = made(data)
  assert job.state == 'done', job.error
  assert job.upload.view
  answer = client.get(f'/uploads/{job.upload.token}/view')
  assert answer['Content-Type'] == 'image/png'
  shown = Image.open(io.BytesIO(b''.join(answer.streaming_content)))
  answer.close()
  assert shown.size == (24, 16)


def test_cmyk(made, client):
  ink = Image.fromarray(pictures.array()).convert('CMYK')
  stream = io.BytesIO()
  ink.save(stream, 'JPEG', quality=95)
  job = made(stream.getvalue(), 'ink.jpg')
  assert opened(job.file).mode == 'CMYK'
  assert opened(job.view).mode == 'RGB'
  assert opened(job.view).size == (48, 32)
  assert opened(job.upload.view).mode == 'RGB'
  answer = client.get(f'/jobs/{job.token}/file')
  answer.close()
  assert answer['Content-Type'] == 'image/tiff'
  assert 'ink-espcn-x2.tif' in answer['Content-Disposition']


def test_thumbs_are_small(made, client):
  job = made(pictures.encoded('PNG', 500, 300))
  with job.upload.thumb.open() as stream:
    assert max(Image.open(io.BytesIO(stream.read())).size) == 320
  answer = client.get(f'/uploads/{job.upload.token}/thumb')
  answer.close()
  assert answer['Content-Type'] == 'image/webp'


@pytest.mark.parametrize('keep', [200, 900])
def test_truncated(made, site, keep):
  """The header is fine, so only the decoder finds out."""
  from jsr.web.jobs import phrases

  data = pictures.encoded('PNG', 64, 64)
  assert len(data) > 1000
  job = made(data[:keep])
  assert job.state == 'failed'
  assert job.error == phrases.CUT
  assert len(files(site)) == 1


def test_a_fault_of_ours_is_told_as_such(made, monkeypatch, caplog):
  from jsr.web.jobs import work as module

  def broken(job):
    raise RuntimeError('secret detail')

  monkeypatch.setattr(module, '_make', broken)
  job = made()
  assert (job.state, job.error) == ('failed', module.BROKE)
  assert 'secret detail' in caplog.text


def test_no_memory(made, monkeypatch):
  from jsr.web.jobs import work as module

  def full(job):
    raise MemoryError

  monkeypatch.setattr(module, '_make', full)
  assert made().error == module.NO_MEMORY


def test_a_cancelled_job_stops(made, site, monkeypatch):
  """Between two tiles the worker hears that nobody wants the result."""
  from jsr.web.jobs import pulse

  told = []
  real = pulse.current

  class Heart:
    name, stopping, lost = 'w', False, False
    working = real.working

    @property
    def progress(self):
      return 0.0

    @progress.setter
    def progress(self, share):
      told.append(share)
      self.lost = True

  monkeypatch.setattr(pulse, 'current', Heart())
  job = made(pictures.encoded('PNG', 64, 64))
  # Whoever cancelled it has said what it is now.
  assert job.state == 'running'
  assert len(told) == 1
  assert not [
    name for name in files(site) if name.startswith('results/') and '.png' in name
  ]


def test_deleted_while_it_was_made(made, client, site, monkeypatch):
  """The result of a job that is gone is not left behind."""
  from jsr.web.jobs import queue
  from jsr.web.jobs import work as module
  from jsr.web.jobs.models import Job

  real = module._make

  def make(job):
    found = real(job)
    queue.delete(job)
    return found

  monkeypatch.setattr(module, '_make', make)
  with pytest.raises(Job.DoesNotExist):
    made()
  assert files(site) == set()


def test_faults_do_not_tell_paths(made, monkeypatch, caplog):
  from jsr import errors
  from jsr.web.jobs import work as module

  def full(job):
    raise errors.UserError('/srv/secret/result.png cannot be written: disk full')

  monkeypatch.setattr(module, '_make', full)
  assert made().error == module.BROKE
  assert 'disk full' in caplog.text


def test_deep_grey_has_a_thumb(made):
  """Pillow clips 16 bits where it should scale them."""
  deep = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
  stream = io.BytesIO()
  Image.fromarray(deep).save(stream, 'PNG')
  thumb = np.asarray(opened(made(stream.getvalue()).upload.thumb).convert('L'))
  assert 100 < thumb.mean() < 155
  assert thumb[0].mean() < 30


def test_notes_are_translated(made, client):
  frames = [Image.fromarray(pictures.array(seed=s)) for s in range(3)]
  stream = io.BytesIO()
  frames[0].save(stream, 'GIF', save_all=True, append_images=frames[1:])
  job = made(stream.getvalue(), 'moves.gif')
  told = client.get(f'/api/jobs/{job.token}').json()['notes']
  assert 'only the first frame of the animation' in told
  assert told[0] in client.get(f'/jobs/{job.token}/').content.decode()
