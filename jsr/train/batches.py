"""Stacked batches on the devices, from either kind of source."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jsr import errors
from jsr.data import pairs, pipeline, resident, sources
from jsr.train import parallel
from jsr.types import Array

PIPELINES = ('resident', 'grain')


class Batches:
  """Stacked batches of any span of steps, from either kind of source."""

  def __init__(
    self, config: ConfigDict, devices: parallel.Parallel, source: sources.ImageSource
  ):
    self._config, self._devices, self.source = config, devices, source
    self._iterator: pipeline.PatchIterator | None = None
    # Pairs lie on the grid of the LR.
    self._patch_size = config.data.patch_size
    if source.element == pairs.ELEMENT:
      self._patch_size //= config.scale
    kind = config.data.pipeline
    if kind not in PIPELINES:
      raise errors.unknown('data pipeline', kind, PIPELINES)
    if kind == 'resident':
      self._data = resident.load_resident(
        source,
        max_bytes=int(config.data.max_gib * resident.GIB),
        sharding=devices.replicated,
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

  def start(self, step: int, attempt: int) -> None:
    """Makes `step` the next one, in the order of data that `attempt` names."""
    c = self._config
    if c.data.pipeline == 'resident':
      key = jax.random.fold_in(jax.random.key(c.seed), 2)
      key = jax.random.fold_in(key, attempt)
      self._key = jax.device_put(key, self._devices.replicated)
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
      steps = jax.device_put(np.arange(step, step + count, dtype=np.int32))
      return self._sample((self._data, self._key), steps)
    batches = [next(self._iterator) for _ in range(count)]
    stacked = {name: np.stack([b[name] for b in batches]) for name in batches[0]}
    return self._devices.place(stacked)
