"""The figures of a generator in training."""

import dataclasses
import json
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jsr.evaluate import benchmark, methods, protocol, sets
from jsr.train import hosts, settings
from jsr.train.state import TrainState


class Evaluator:
  """Measures the generator in training by the protocol that measures everything.

  Args:
    config: Of the run.
  """

  def __init__(self, config: ConfigDict):
    self._config = config
    c = config.eval
    self._protocol = protocol.get(c.protocol)
    self._sets = sets.open_sets(
      list(c.sets), data=c.data or None, lr=c.lr or None, limit=c.limit or None
    )
    if c.size:
      self._sets = [sets.centre_crop(s, c.size) for s in self._sets]
    self._method = methods.Network(
      'model', config.generator.name, config.scale, config.generator.args.to_dict()
    )

  def __call__(self, state: TrainState) -> dict[str, float]:
    """Returns the mean of each figure over each set; all processes must call it."""
    # Host copies: the training state may be spread over devices in any way.
    self._method.load(jax.device_get(state.inference_variables))
    result: dict[str, float] = {}
    for pictures in self._sets:
      scores = self._scores(pictures)
      for metric in settings.FIGURES:
        name = settings.figure(pictures.name, self._config.scale, metric)
        # In the set's order, whoever measured them: the sum is the same to the bit.
        values = [scores[picture.name][metric] for picture in pictures.pictures]
        result[name] = float(np.mean(values))
    return result

  def _scores(self, pictures: sets.PictureSet) -> dict[str, dict[str, float]]:
    """Measures every process's share of the pictures; returns those of all."""
    share = pictures.pictures[hosts.index() :: hosts.count()]
    mine: dict[str, Any] = {}
    if share:
      part = dataclasses.replace(pictures, pictures=share)
      mine = benchmark.measure(
        self._method, part, self._config.scale, self._protocol, timed=False
      )['per_image']
    parts = [json.loads(text) for text in hosts.gather(json.dumps(mine))]
    return {name: row for part in parts for name, row in part.items()}
