"""Random parameters in the shape of torchvision's networks."""

import functools

import numpy as np

from jsr.weights import lpips


@functools.cache
def trunk(net: str) -> dict[str, np.ndarray]:
  rng = np.random.default_rng(len(net))
  state = {}
  for place, shape in lpips.SHAPES[net].items():
    kernel = rng.standard_normal(shape, np.float32)
    kernel *= np.float32(np.sqrt(2 / np.prod(shape[1:])))
    state[f'features.{place}.weight'] = kernel
    state[f'features.{place}.bias'] = rng.standard_normal(shape[0], np.float32) / 10
  state['classifier.1.weight'] = np.zeros((8, 8), np.float32)
  return state
