"""Stacked batches on the devices, from either kind of source."""

import logging
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jsr import errors
from jsr.data import pairs, pipeline, resident, sources
from jsr.train import checkpoint, hosts, memory, parallel
from jsr.types import Array

log = logging.getLogger(__name__)

PIPELINES = ('resident', 'grain')
AUTO = 'auto'


class Batches:
  """Stacked batches of any span of steps, from either kind of source.

  Args:
    config: See configs/default.py.
    devices: Where batches go.
    source: The images.
    workdir: Of the run; 'auto' keeps the kind that a run started with.

  Attributes:
    kind: One of PIPELINES.
  """

  def __init__(
    self,
    config: ConfigDict,
    devices: parallel.Parallel,
    source: sources.ImageSource,
    workdir: pathlib.Path,
  ):
    self._config, self._devices, self.source = config, devices, source
    self._iterator: pipeline.PatchIterator | None = None
    # Pairs lie on the grid of the LR.
    self._patch_size = config.data.patch_size
    if source.element == pairs.ELEMENT:
      self._patch_size //= config.scale
    kind = config.data.pipeline
    if kind not in (*PIPELINES, AUTO):
      raise errors.unknown('data pipeline', kind, (*PIPELINES, AUTO))
    limit = int(config.data.max_gib * resident.GIB)
    self.kind = _choose(source, limit, workdir) if kind == AUTO else kind
    if self.kind == 'resident':
      self._data = resident.load_resident(
        source,
        max_bytes=limit,
        place=devices.put,
        progress=config.log.progress,
      )
      self._sample = devices.compile_sampler(self._sample_one)

  def __enter__(self) -> 'Batches':
    return self

  def __exit__(self, *_: object) -> None:
    if self._iterator is not None:
      self._iterator.close()

  def _sample_one(self, data: Any, step: Array) -> Mapping[str, Array]:
    images, key = data
    return resident.sample(
      images,
      seed_key=key,
      step=step,
      batch_size=self._config.data.batch_size,
      patch_size=self._patch_size,
      element=self.source.element,
      channels=self.source.channels,
    )

  @property
  def has_workers(self) -> bool:
    """Whether other processes read, which can die by themselves."""
    return self.kind == 'grain' and self._config.data.workers > 0

  def start(self, step: int, attempt: int) -> None:
    """Makes `step` the next one, in the order of data that `attempt` names."""
    c = self._config
    if self.kind == 'resident':
      self._key = self._devices.key(c.seed, 2, attempt)
      return
    if self._iterator is not None:
      self._iterator.close()
    self._iterator = pipeline.make_pipeline(
      self.source,
      seed=c.seed,
      attempt=attempt,
      batch_size=c.data.batch_size,
      patch_size=self._patch_size,
      start_step=step,
      workers=c.data.workers,
      threads=c.data.threads,
      process_index=jax.process_index(),
      process_count=jax.process_count(),
    )

  def take(self, step: int, count: int) -> Mapping[str, Array]:
    """Returns the batches of steps [step, step + count), stacked, on the devices."""
    if self._iterator is None:
      steps = np.arange(step, step + count, dtype=np.int32)
      # NumPy's, which every process may pass to a computation of all.
      return self._sample((self._data, self._key), steps)
    batches = [next(self._iterator) for _ in range(count)]
    stacked = {name: np.stack([b[name] for b in batches]) for name in batches[0]}
    return self._devices.place(stacked)


def _choose(source: sources.ImageSource, limit: int, workdir: pathlib.Path) -> str:
  """Returns which of PIPELINES 'auto' stands for, and logs why."""
  position = checkpoint.last_position(workdir)
  kept = hosts.gather('' if position is None else position['pipeline'])
  if any(kept):
    # The two have different orders: another kind would not be the same run.
    kind, reason = max(kept), 'as in the checkpoint that the run resumes'
  else:
    fits, reason = memory.fits(source.nbytes, limit)
    kind = 'resident' if fits else 'grain'
  if hosts.is_first():
    log.info('%s: data.pipeline=auto is %s: %s', source.name, kind, reason)
  return kind
