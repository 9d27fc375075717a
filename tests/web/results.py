"""Doing jobs in this process, and looking at what came of them."""

import io

from PIL import Image


def work(job):
  """Does what a worker does with a task."""
  from jsr.web.jobs import tasks

  tasks.upscale.call(job.token)
  job.refresh_from_db()
  return job


def opened(field):
  with field.open() as stream:
    image = Image.open(io.BytesIO(stream.read()))
    image.load()
    return image


def files(site):
  root = site / 'files'
  return {p.relative_to(root).as_posix() for p in root.rglob('*') if p.is_file()}
