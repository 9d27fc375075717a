"""One shard of crops: writing it, in a process of its own, and verifying it.

Nothing here imports JAX: worker processes start quickly and touch no device.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import multiprocessing
import os
import pathlib
import threading
from multiprocessing.connection import wait
from typing import Any, NamedTuple

import tqdm
from array_record.python import array_record_module

from jsr.data import crops, images
from jsr.data.checked import CheckedSource
from jsr.errors import UserError, first_line

# The dot hides what is not complete from whoever looks for shards.
TEMPORARY = '.crops-*'


class Job(NamedTuple):
  """A shard to write.

  Attributes:
    path: Where.
    number: Of the shard.
    first: The first picture of the source that belongs to it.
    last: The one after the last.
    size: See `crops.places`.
    overlap: See `crops.places`.
  """

  path: pathlib.Path
  number: int
  first: int
  last: int
  size: int
  overlap: int


@dataclasses.dataclass
class _Worker:
  """What a worker process was started with."""

  source: CheckedSource
  stop: Any
  done: Any


_worker: _Worker | None = None


def start(source: CheckedSource, stop: Any, done: Any) -> None:
  """Readies a worker process.

  What is shared has no locks: a process that is killed would never release them.

  Args:
    source: The pictures.
    stop: RawValue of `multiprocessing`: not 0 means to leave as soon as possible.
    done: RawArray of `multiprocessing`: how many pictures of each shard are done.
  """
  global _worker
  _worker = _Worker(source, stop, done)
  parent = multiprocessing.parent_process()
  if parent is not None:
    # A parent that was killed cannot say so, and its workers would live on.
    sentinel = parent.sentinel
    watch = threading.Thread(target=lambda: (wait([sentinel]), os._exit(1)))
    watch.daemon = True
    watch.start()


def write(job: Job) -> crops.Shard | None:
  """Writes a shard, in a process that `start` readied, whole or not at all.

  Returns:
    What the file holds now; None if the process was asked to stop.

  Raises:
    UserError: It cannot be written.
  """
  assert _worker is not None, 'call start() first'
  temporary = job.path.with_name(f'.{job.path.name}.{os.getpid()}')
  try:
    shard = _fill(job, temporary, _worker)
    if shard is not None:
      _read_back(temporary, shard)
      shard.file_bytes = temporary.stat().st_size
      shard.sha256 = _sha256(temporary)
      temporary.replace(job.path)
  except (OSError, RuntimeError) as error:
    reason = error.strerror if isinstance(error, OSError) else first_line(error)
    raise UserError(f'cannot write {job.path}: {reason}') from error
  finally:
    with contextlib.suppress(OSError):
      temporary.unlink(missing_ok=True)
  return shard


def _fill(job: Job, path: pathlib.Path, worker: _Worker) -> crops.Shard | None:
  shard = crops.Shard(images=job.last - job.first)
  writer = array_record_module.ArrayRecordWriter(str(path), crops.WRITE_OPTIONS)
  try:
    for index in range(job.first, job.last):
      if worker.stop.value:
        return None
      key = worker.source.keys[index]
      try:
        decoded = worker.source.read(index)
      except images.BadImage as bad:
        shard.skipped.append((key, str(bad)))
      else:
        for rule in decoded.rules:
          shard.converted[rule] = shard.converted.get(rule, 0) + 1
        for crop in crops.cut(decoded.pixels, key, job.size, job.overlap):
          writer.write(crops.encode(crop))
          shard.count(crop)
      worker.done[job.number] += 1
  finally:
    writer.close()
  return shard


def _read_back(path: pathlib.Path, shard: crops.Shard) -> None:
  """Reads every record; ArrayRecord hashed each before it was written."""
  reader = array_record_module.ArrayRecordReader(str(path))
  try:
    count = reader.num_records()
    for _ in range(count):
      crops.decode(reader.read())
  except ValueError as error:
    raise RuntimeError(f'a record that was read back is broken: {error}') from error
  finally:
    reader.close()
  if count != shard.crops:
    raise RuntimeError(f'{count} of {shard.crops} crops were read back')


def fault(path: pathlib.Path, shard: crops.Shard) -> str | None:
  """Says what is wrong with a file by size, count and checksum; None if nothing is."""
  return look(path, shard) or (
    None if _sha256(path) == shard.sha256 else 'its SHA-256 is another'
  )


def look(path: pathlib.Path, shard: crops.Shard) -> str | None:
  """Says what is wrong with a file by size and count alone; None if nothing is."""
  try:
    size = path.stat().st_size
  except OSError as error:
    return error.strerror
  if size != shard.file_bytes:
    return f'it has {size} bytes, not {shard.file_bytes}'
  try:
    reader = array_record_module.ArrayRecordReader(str(path))
    count = reader.num_records()
    reader.close()  # Tells of damage that the count did not meet.
  except RuntimeError as error:
    return first_line(error)
  return None if count == shard.crops else f'it has {count} crops, not {shard.crops}'


def faults(
  folder: pathlib.Path,
  files: dict[str, crops.Shard],
  *,
  whole: bool,
  threads: int,
  progress: bool,
) -> dict[str, str]:
  """Verifies shards.

  Args:
    folder: Where they are.
    files: What they should hold.
    whole: By checksum too; otherwise by size and count.
    threads: How many are read at once.
    progress: Shows a bar.

  Returns:
    What is wrong, by the names of the files that are damaged.
  """
  verify = fault if whole else look
  with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    found = tqdm.tqdm(
      pool.map(lambda item: verify(folder / item[0], item[1]), files.items()),
      desc=f'verifying {folder}',
      total=len(files),
      unit='shard',
      disable=None if progress else True,
      leave=False,
    )
    return {
      name: reason
      for name, reason in zip(files, found, strict=True)
      if reason is not None
    }


def _sha256(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
