"""What a step sends between devices: bytes by formula, bytes in compiled code, seconds.

The formula is that of jsr's form with explicit means (config.train.parallel=shard_map):
gradients of both networks, once a step, and batch norm's statistics, which are taken
over the whole batch: two numbers a map in each forward pass and two in each backward
one. The discriminator makes two forward passes (the pictures made serve both losses)
and three backward ones. Scalars, such as the losses, are left out of both counts.

Source of the times: Thakur, Rabenseifner, Gropp, "Optimization of Collective
Communication Operations in MPICH", 2005 (ring and tree).
"""

import dataclasses
import math
import re
from typing import Any

import jax

from jsr.train.recipe import Recipe

FLOAT = 4
_BYTES = {'f64': 8, 'f32': 4, 's32': 4, 'u32': 4, 'bf16': 2, 'f16': 2, 'pred': 1}
# A result, or a tuple of them, of an all-reduce; asynchronous ones are called -start.
_REDUCTION = re.compile(r' = (.*?) all-reduce(?:-start)?\(')
_SHAPE = re.compile(r'(\w+)\[([\d,]*)\]')
# (forward, backward) passes of a step through each network.
_PIXEL, _GENERATOR, _DISCRIMINATOR = (1, 1), (1, 1), (2, 3)


@dataclasses.dataclass(frozen=True)
class Traffic:
  """Of one step.

  Attributes:
    gradients: Bytes of gradients.
    statistics: Bytes of batch norm's statistics and of their gradients.
    waits: How many reductions of statistics come one after the other.
  """

  gradients: int
  statistics: int
  waits: int

  @property
  def total(self) -> int:
    return self.gradients + self.statistics


def _numbers(tree: Any) -> int:
  return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def by_formula(plan: Recipe) -> Traffic:
  """Counts from the shapes of the parameters and of the running statistics."""
  state = jax.eval_shape(plan.init, jax.eval_shape(lambda: jax.random.key(0)))
  gradients = statistics = waits = 0
  for player, passes in (
    (state.generator, _GENERATOR if state.discriminator else _PIXEL),
    (state.discriminator, _DISCRIMINATOR),
  ):
    if player is None:
      continue
    gradients += _numbers(player.variables['params'])
    # A mean and a variance a map: as many numbers as one pass reduces.
    running = player.variables.get('batch_stats', {})
    statistics += sum(passes) * _numbers(running)
    waits += sum(passes) * len(jax.tree.leaves(running)) // 2
  return Traffic(FLOAT * gradients, FLOAT * statistics, waits)


def in_code(text: str) -> tuple[int, int]:
  """Counts in a compiled step's text.

  Returns:
    (bytes that all-reduces give back, scalars left out; the number of all-reduces).
  """
  total = count = 0
  for line in text.splitlines():
    found = _REDUCTION.search(line)
    if not found:
      continue
    count += 1
    for kind, sizes in _SHAPE.findall(found[1]):
      if sizes:
        total += _BYTES[kind] * math.prod(map(int, sizes.split(',')))
  return total, count


@dataclasses.dataclass(frozen=True)
class Links:
  """Between GPUs, and between the machines that hold them.

  Attributes:
    inside: Bytes a second that a GPU sends to its neighbours in the machine.
    between: Bytes a second that a GPU has of its machine's network.
    inside_delay: Seconds of a message's way, inside.
    between_delay: The same between machines.
    node: GPUs of a machine.
  """

  inside: float = 450e9
  between: float = 50e9
  inside_delay: float = 3e-6
  between_delay: float = 10e-6
  node: int = 8

  def seconds(self, size: float, n: int) -> float:
    """Of one all-reduce of `size` bytes over `n` GPUs.

    Machines of eight first reduce among themselves, so that each GPU takes its own
    eighth over the network, and collect the eighths at the end.
    """
    k = min(n, self.node)
    total = faster(size, k, self.inside, self.inside_delay)
    if n > k:
      total += faster(size / k, -(-n // k), self.between, self.between_delay)
    return total


def faster(size: float, n: int, speed: float, delay: float) -> float:
  """Seconds of the faster of ring and tree: libraries choose by size."""
  return min(ring(size, n, speed, delay), tree(size, n, speed, delay))


def ring(size: float, n: int, speed: float, delay: float) -> float:
  """Seconds of an all-reduce in which everyone sends 2 (n - 1) pieces of size / n."""
  return 2 * (n - 1) / n * size / speed + 2 * (n - 1) * delay


def tree(size: float, n: int, speed: float, delay: float) -> float:
  """Seconds of one up a tree and down again, in pieces that follow each other."""
  return 2 * size / speed + 2 * math.ceil(math.log2(n)) * delay


def exchange(traffic: Traffic, n: int, links: Links) -> tuple[float, float]:
  """Seconds a step of (gradients, batch norm), where nothing is hidden."""
  if n == 1:
    return 0.0, 0.0
  each = traffic.statistics / traffic.waits if traffic.waits else 0
  return links.seconds(traffic.gradients, n), traffic.waits * links.seconds(each, n)
