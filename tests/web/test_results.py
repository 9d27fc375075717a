"""Results measured against originals, and downloads in other formats."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from tests.web import pictures, sites
from tests.web.results import files, opened


def test_metrics(made, client):
  """The numbers are those of the protocol."""
  from jsr.evaluate import protocol

  hr = pictures.array(48, 32)
  lr = np.asarray(Image.fromarray(hr).resize((24, 16), Image.Resampling.BICUBIC))
  stream = io.BytesIO()
  Image.fromarray(lr).save(stream, 'PNG')
  job = made(stream.getvalue())
  assert job.metrics is None
  truth = io.BytesIO()
  Image.fromarray(hr).save(truth, 'PNG')
  answer = client.post(
    f'/api/jobs/{job.token}/original',
    {'image': pictures.upload(truth.getvalue())['image']},
  )
  assert answer.status_code == 202
  from jsr.web.jobs import tasks

  tasks.measure.call(job.upload_id)
  job.refresh_from_db()
  sr = np.asarray(opened(job.file))
  expected = protocol.score(sr, hr, 2, protocol.get('rgb8'))
  assert job.metrics == pytest.approx(expected)
  # What is made later is measured at once.
  other = made(upload=job.upload_id, image='', model='nearest')
  assert other.metrics['psnr_y'] < job.metrics['psnr_y'] + 20
  assert other.metrics != job.metrics
  # Another original counts anew.
  wrong = pictures.upload(pictures.encoded('PNG', 50, 32))['image']
  client.post(f'/api/jobs/{job.token}/original', {'image': wrong})
  tasks.measure.call(job.upload_id)
  job.refresh_from_db()
  assert 'as many pixels' in job.metrics['error']


def test_equal_pictures_have_no_number(made, client):
  """Infinity is no JSON."""
  from jsr.web.jobs import tasks

  job = made(model='nearest', scale='1', data=pictures.encoded('PNG', 40, 40))
  same = pictures.upload(pictures.encoded('PNG', 40, 40))['image']
  client.post(f'/api/jobs/{job.token}/original', {'image': same})
  tasks.measure.call(job.upload_id)
  job.refresh_from_db()
  assert job.metrics['psnr_y'] is None
  assert job.metrics['ssim_y'] == pytest.approx(1)


@pytest.mark.parametrize(
  ('format', 'name', 'decoded'),
  [
    ('png', 'cat-espcn-x2.png', 'PNG'),
    ('jpeg', 'cat-espcn-x2.jpg', 'JPEG'),
    ('webp', 'cat-espcn-x2.webp', 'WEBP'),
    ('tiff', 'cat-espcn-x2.tif', 'TIFF'),
    ('avif', 'cat-espcn-x2.avif', 'AVIF'),
  ],
)
def test_downloads(made, client, format, name, decoded):
  exif = Image.Exif()
  exif[315] = 'Somebody'
  job = made(pictures.encoded('JPEG', 32, 24, exif=exif, quality=95), 'cat.jpg')
  answer = client.get(f'/jobs/{job.token}/download?format={format}')
  data = b''.join(answer.streaming_content)
  answer.close()
  assert answer['Content-Disposition'] == f'attachment; filename="{name}"'
  image = Image.open(io.BytesIO(data))
  assert (image.format, image.size) == (decoded, (64, 48))
  assert image.getexif()[315] == 'Somebody'


def test_quality(made, client):
  job = made(pictures.encoded('PNG', 64, 64))
  sizes = []
  for quality in (10, 95):
    answer = client.get(f'/jobs/{job.token}/download?format=jpeg&quality={quality}')
    sizes.append(len(b''.join(answer.streaming_content)))
    answer.close()
  assert sizes[0] * 2 < sizes[1]
  for bad in ('format=gif', 'format=..%2F', 'format=jpeg&quality=0', 'quality=x'):
    assert client.get(f'/jobs/{job.token}/download?{bad}').status_code == 400


def test_conversions_are_kept(made, client, site, monkeypatch):
  """Whoever asks again does not let the site work again; HEAD never does."""
  from jsr.web.jobs import converting

  job = made()
  address = f'/jobs/{job.token}/download?format=webp'
  calls = []
  real = converting.convert
  monkeypatch.setattr(converting, 'convert', lambda *a: (calls.append(a), real(*a)))
  assert client.head(address)['Content-Type'] == 'image/webp'
  assert not calls
  first = sites.body(client.get(address))
  assert sites.body(client.get(address)) == first
  assert len(calls) == 1
  assert any(name.endswith('.webp') for name in files(site))
  client.delete(f'/api/jobs/{job.token}')
  assert files(site) == set()


def test_conversions_wait_for_each_other(made, client, settings):
  from jsr.web.jobs import files as module

  job = made()
  address = f'/jobs/{job.token}/download?format=jpeg'
  with module._CONVERTING, module._CONVERTING:
    answer = client.get(address)
    assert (answer.status_code, answer['Retry-After']) == (503, '60')
  assert sites.body(client.get(address)).startswith(b'\xff\xd8')


def test_conversions_fail_in_words(made, client, monkeypatch):
  """No path of the server is told."""
  job = made()
  from jsr.web.jobs.models import Job

  Job.objects.update(width=10_000, height=5_000)
  answer = client.get(f'/jobs/{job.token}/download?format=avif')
  assert answer.status_code == 409
  assert 'JPEG' in answer.json()['error']
  broken = site_file(job)
  broken.write_bytes(b'no picture')
  answer = client.get(f'/jobs/{job.token}/download?format=jpeg')
  assert (answer.status_code, answer.json()['error']) == (
    409,
    'The picture could not be converted.',
  )


def site_file(job):
  from django.core.files.storage import default_storage

  return pathlib.Path(default_storage.path(job.file.name))


def test_a_late_measuring_is_of_no_use(made, client, monkeypatch):
  """The visitor sent another original meanwhile."""
  from jsr.web.jobs import measuring, tasks

  job = made()

  def send(width):
    data = pictures.encoded('PNG', width, 32, seed=width)
    client.post(
      f'/api/jobs/{job.token}/original', {'image': pictures.upload(data)['image']}
    )

  send(48)
  real = measuring.measure

  def slow(job, original):
    found = real(job, original)
    monkeypatch.setattr(measuring, 'measure', real)
    send(50)
    return found

  monkeypatch.setattr(measuring, 'measure', slow)
  tasks.measure.call(job.upload_id)
  job.refresh_from_db()
  assert job.metrics is None
  tasks.measure.call(job.upload_id)
  job.refresh_from_db()
  assert 'error' in job.metrics
