"""Which engine is faster for a network on this machine: measured once, and remembered.

On two Zen 5 cores JAX ran SRResNet and RRDB faster than OpenVINO, on two older Xeon
cores it was the other way round: no list would be right everywhere. What was measured
is kept in `engines.json` of the cache, by processor, network and versions.
"""

import contextlib
import hashlib
import json
import logging
import os
import statistics
import time
from importlib import metadata

import jax
import numpy as np

from jsr.evaluate import machine
from jsr.evaluate.network import Network
from jsr.models import layers
from jsr.upscale.engines import Engine
from jsr.weights import fetch

FILE = 'engines.json'
# Networks of fewer parameters are not worth the measuring.
SMALL = 500_000
# Side of the tile that is tried, and how often each engine enlarges it.
SIDE, ROUNDS = 96, 3
log = logging.getLogger(__name__)


def small(network: Network) -> bool:
  """Whether a network has so few parameters that its engine hardly matters."""
  leaves = jax.tree.leaves((network.variables or {}).get('params', {}))
  return sum(leaf.size for leaf in leaves) < SMALL


def faster(network: Network, scale: int, first: Engine, second: Engine) -> Engine:
  """Returns the faster of two engines of a network.

  Args:
    network: What both compute.
    scale: The factor.
    first: One engine; float32 (1, h, w, C) in, `scale` times as large out.
    second: Another.
  """
  key = _key(network, scale, first, second)
  known = _read()
  if key not in known:
    log.info(
      'measuring once whether %s or %s is the faster engine for %s here',
      *(first.name, second.name, network.label),
    )
    channels = layers.channels(network.color)
    x = np.random.default_rng(0).random((1, SIDE, SIDE, channels), np.float32)
    known = {**_read(), key: _time(first, second, x)}
    _write(known)
  seconds = known[key]
  return first if seconds[first.name] <= seconds[second.name] else second


def _time(first: Engine, second: Engine, x: np.ndarray) -> dict[str, float]:
  seconds: dict[str, list[float]] = {first.name: [], second.name: []}
  for engine in (first, second):
    engine(x)  # Compiles.
  for _ in range(ROUNDS):
    for engine in (first, second):
      start = time.perf_counter()
      engine(x)
      seconds[engine.name].append(time.perf_counter() - start)
  return {name: statistics.median(times) for name, times in seconds.items()}


def _key(network: Network, scale: int, *engines: Engine) -> str:
  fields = sorted((k, str(v)) for k, v in network.args.items() if k != 'dtype')
  names = sorted(engine.name for engine in engines)
  versions = [(name, engines[0].precision, _version(name)) for name in names]
  cores = os.cpu_count()
  facts = [machine.processor(), cores, network.generator, scale, fields, versions]
  return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _version(package: str) -> str:
  with contextlib.suppress(metadata.PackageNotFoundError):
    return metadata.version(package)
  return ''


def _read() -> dict[str, dict[str, float]]:
  try:
    known = json.loads((fetch.cache_dir() / FILE).read_text())
  except (OSError, ValueError):  # None yet, or damaged: it is only a memory.
    return {}
  return known if isinstance(known, dict) else {}


def _write(known: dict[str, dict[str, float]]) -> None:
  path = fetch.cache_dir() / FILE
  temporary = path.with_name(f'.{FILE}.{os.getpid()}')
  with contextlib.suppress(OSError):
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      temporary.write_text(json.dumps(known, indent=1))
      temporary.replace(path)
    finally:
      temporary.unlink(missing_ok=True)
