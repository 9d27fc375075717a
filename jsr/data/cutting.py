"""Cuts a set of pictures into raw crops, once: `jsr prepare`.

Each picture belongs to one shard and is decoded once, by one of several processes. A
shard appears under its name when it is complete and enters the manifest then, so what
was killed goes on where it stopped when it is started again.
"""

import concurrent.futures
import contextlib
import fcntl
import hashlib
import logging
import multiprocessing
import os
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator

import tqdm

from jsr.data import crops, shards, sources
from jsr.data.checked import CheckedSource
from jsr.errors import UserError

log = logging.getLogger(__name__)

# Pictures of a shard, and the most shards: each is a file that training keeps open.
_PICTURES, _MOST = 16, 256
# Arguments that must be the same when a folder is continued.
_FIXED = ('source', 'split', 'size', 'overlap', 'shards', 'images', 'names')


def prepare(
  spec: str,
  folder: pathlib.Path,
  *,
  split: str,
  size: int = crops.SIZE,
  overlap: int = 0,
  shard_count: int | None = None,
  workers: int | None = None,
  progress: bool = True,
) -> crops.Manifest:
  """Writes a folder of crops, or goes on with one.

  Args:
    spec: See `sources.open_source`.
    folder: Where; made if it does not exist.
    split: See `sources.open_source`.
    size: Longest side of a crop, pixels.
    overlap: Least number of pixels that neighbouring crops share.
    shard_count: Number of files; None: one for 16 pictures, at most 256.
    workers: Number of processes; None: one a processor.
    progress: Shows bars.

  Returns:
    What the folder holds; every shard is there and verified.

  Raises:
    UserError: There are no such pictures or none can be used, the folder holds
      something else, or it cannot be written.
  """
  if overlap >= size:
    raise UserError(f'crops of {size} cannot overlap by {overlap}; choose less')
  source = sources.open_source(
    spec, split=split, min_size=1, verify=False, progress=progress
  )
  assert isinstance(source, CheckedSource)
  is_folder = spec != 'photographs' and not spec.startswith(('tfds:', sources.RECORDS))
  manifest = crops.Manifest(
    source=os.path.abspath(os.path.expanduser(spec)) if is_folder else spec,
    split=split,
    images=len(source),
    names=hashlib.sha256('\n'.join(source.keys).encode()).hexdigest(),
    size=size,
    overlap=overlap,
    shards=min(shard_count or min(-(-len(source) // _PICTURES), _MOST), len(source)),
    skipped=source.report.skipped,
  )
  count = workers or os.cpu_count() or 1
  with _claim(folder):
    manifest.files = _continued(folder, manifest)
    manifest.write(folder)
    # A shard of an earlier start that has gone bad since is written again.
    for _ in range(2):
      _write_missing(source, folder, manifest, count, progress)
      damaged = shards.faults(
        folder, manifest.files, whole=True, threads=count, progress=progress
      )
      if not damaged:
        break
      for name, reason in damaged.items():
        log.warning('%s is damaged and is written again: %s', folder / name, reason)
        del manifest.files[name]
      manifest.write(folder)
    else:
      raise UserError(
        f"'{folder / min(damaged)}' is damaged again after it was written; look at the"
        ' disk'
      )
    if not manifest.crops:
      for name in (crops.MANIFEST, *manifest.files):
        (folder / name).unlink()
      _, reason = manifest.all_skipped[0]
      raise UserError(
        f"none of the {manifest.images} images of '{spec}' can be used (the first:"
        f' {reason}); bring other images'
      )
  return manifest


def verify(folder: pathlib.Path, *, progress: bool = True) -> crops.Manifest:
  """Compares every shard of a folder with the manifest, by count and checksum.

  Raises:
    UserError: The folder is not complete, or a shard is damaged; names each.
  """
  manifest = crops.read_manifest(folder)
  damaged = dict.fromkeys(manifest.missing, 'it is not complete') | shards.faults(
    folder,
    manifest.files,
    whole=True,
    threads=os.cpu_count() or 1,
    progress=progress,
  )
  if damaged:
    first = sorted(damaged.items())[:5]
    told = '; '.join(f'{name}: {reason}' for name, reason in first)
    more = f'; and {len(damaged) - 5} more' if len(damaged) > 5 else ''
    raise UserError(
      f"{len(damaged)} of {manifest.shards} shards of '{folder}' cannot be used"
      f' ({told}{more}); run jsr prepare again with the same arguments to write them'
    )
  return manifest


@contextlib.contextmanager
def _claim(folder: pathlib.Path) -> Iterator[None]:
  """Makes the folder and keeps other processes out of it; removes it if empty."""
  existed = folder.is_dir()
  try:
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
  except OSError as error:
    raise UserError(f'cannot write into {folder}: {error.strerror}') from error
  try:
    try:
      fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      raise UserError(
        f"another jsr prepare writes into '{folder}' now; wait for it or name another"
        ' folder'
      ) from None
    except OSError:  # File systems without locks.
      log.debug('%s cannot be locked', folder)
    _tidy(folder)
    try:
      yield
    finally:
      _tidy(folder)
  finally:
    os.close(handle)
    if not existed:
      with contextlib.suppress(OSError):  # One that is not empty stays.
        folder.rmdir()


def _tidy(folder: pathlib.Path) -> None:
  """Removes what killed processes left."""
  for pattern in (shards.TEMPORARY, f'.{crops.MANIFEST}.*'):
    for path in folder.glob(pattern):
      path.unlink(missing_ok=True)


def _continued(folder: pathlib.Path, wanted: crops.Manifest) -> dict[str, crops.Shard]:
  """Returns the shards that are there already."""
  if not (folder / crops.MANIFEST).exists():
    if any(folder.iterdir()):
      raise UserError(f"'{folder}' holds other files; name a new folder")
    return {}
  old = crops.read_manifest(folder)
  changed = [
    f'{field} was {getattr(old, field)!r} and is {getattr(wanted, field)!r}'
    for field in _FIXED
    if getattr(old, field) != getattr(wanted, field)
  ]
  if changed:
    raise UserError(
      f"'{folder}' holds crops that were made otherwise ({'; '.join(changed)}); name"
      ' another folder, or the old arguments to go on'
    )
  damaged = shards.faults(folder, old.files, whole=False, threads=8, progress=False)
  for name, reason in damaged.items():
    log.warning('%s is damaged and is written again: %s', folder / name, reason)
  return {name: shard for name, shard in old.files.items() if name not in damaged}


def _write_missing(
  source: CheckedSource,
  folder: pathlib.Path,
  manifest: crops.Manifest,
  workers: int,
  progress: bool,
) -> None:
  n, k = manifest.images, manifest.shards
  jobs = {
    name: shards.Job(
      folder / name, i, n * i // k, n * (i + 1) // k, manifest.size, manifest.overlap
    )
    for i, name in enumerate(manifest.file_names)
    if name in manifest.missing
  }
  if not jobs:
    return
  here = n - sum(job.last - job.first for job in jobs.values())
  # Spawned: JAX runs threads here, and a fork would copy their locks.
  context = multiprocessing.get_context('spawn')
  stop, done = context.RawValue('b', 0), context.RawArray('q', k)
  bar = tqdm.tqdm(
    desc=f'cutting {manifest.source}',
    total=n,
    initial=here,
    unit='image',
    disable=None if progress else True,
    leave=False,
  )
  with (
    _signals() as asked,
    bar,
    concurrent.futures.ProcessPoolExecutor(
      min(workers, len(jobs)),
      mp_context=context,
      initializer=shards.start,
      initargs=(source, stop, done),
    ) as pool,
  ):
    try:
      with _no_ctrl_c():
        running = {pool.submit(shards.write, job): name for name, job in jobs.items()}
      while running:
        ready, _ = concurrent.futures.wait(
          running, timeout=0.2, return_when=concurrent.futures.FIRST_COMPLETED
        )
        asked()
        bar.update(here + sum(done) - bar.n)
        for future in ready:
          name, shard = running.pop(future), future.result()
          assert shard is not None
          for key, reason in shard.skipped:
            log.warning('skipped %s: %s', key, reason)
          manifest.files[name] = shard
        if ready:
          manifest.write(folder)
    except concurrent.futures.BrokenExecutor:
      raise UserError(
        'a worker process died, perhaps for want of memory; start again to go on, with'
        ' fewer --workers'
      ) from None
    finally:
      stop.value = 1
      pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[], None]]:
  """Puts SIGINT and SIGTERM off until the function that it yields is called.

  An exception in the middle of `concurrent.futures` would leave its locks taken, and
  the end would wait for them for ever.
  """
  if threading.current_thread() is not threading.main_thread():
    yield lambda: None  # Only the main thread may set handlers.
    return
  came: list[signal.Signals] = []
  before = {
    number: handler
    for number in (signal.SIGINT, signal.SIGTERM)
    # What ends the process by itself, without Python, is left to do so.
    if callable(handler := signal.getsignal(number))
  }

  def asked() -> None:
    if came:
      before[came[0]](came[0], None)

  for number in before:
    signal.signal(number, lambda number, frame: came.append(signal.Signals(number)))
  try:
    yield asked
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)


@contextlib.contextmanager
def _no_ctrl_c() -> Iterator[None]:
  """Keeps Ctrl-C from the processes that start meanwhile: they stop when told to."""
  before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
  try:
    yield
  finally:
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
