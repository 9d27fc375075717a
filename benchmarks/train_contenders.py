"""One contender of benchmarks/train.py, in a process of its own; see worker.py.

    train_contenders.py FRAMEWORK SETTING FOLDER

Words: `run N` trains N steps and tells the seconds of one, and memory; `peak N` tells
the operations a second of a product of two N x N matrices in the same precision.
"""

import json
import pathlib
import sys
from typing import Any

import numpy as np
import worker


class Jsr:
  """jsr's own step as `jsr train` compiles it, on pairs that are on the device."""

  def __init__(self, setting: str, folder: pathlib.Path, work: dict[str, Any]):
    from jsr.train import parallel, recipe, settings

    parallel.configure_for_training()
    import jax
    import train_work

    low = setting.startswith('bfloat16')
    self.stacked = int(setting.split(', ')[1].split()[0]) if ',' in setting else 1
    overrides = list(work['overrides'])
    if low:
      overrides.append('--config.train.precision=bfloat16')
    plan = recipe.make(settings.load(work['spec'], overrides))
    device = jax.devices()[0]
    if (device.platform == 'cpu') != (work['device'] == 'cpu'):
      raise RuntimeError('JAX sees no GPU; it needs jax[cuda12]')
    self.device, self.dtype = device, 'bfloat16' if low else 'float32'
    pairs = dict(np.load(folder / 'batch.npz'))
    n = len(pairs['lr'])
    devices = parallel.make('jit', n, [device])
    self.step = devices.compile(train_work.make_step(plan))
    state = plan.init(jax.random.key(0))
    self.parameters = [
      sum(x.size for x in jax.tree.leaves(player.variables['params']))
      for player in (state.generator, state.discriminator)
      if player is not None
    ]
    self.state = devices.replicate(state)
    del state
    pairs['index'] = np.arange(n, dtype=np.int32)
    self.batch = devices.place(
      {k: np.repeat(v[None], self.stacked, 0) for k, v in pairs.items()}
    )
    self.key = devices.key(0)
    self.wait = jax.block_until_ready

  def train(self, steps: int) -> list[dict[str, float]]:
    """Runs at least `steps`, whole dispatches; returns the losses of each."""
    told = []
    for _ in range(0, steps, self.stacked):
      self.state, metrics = self.step(self.state, self.batch, self.key)
      told.append(metrics)
    self.wait(self.state)
    names = [name for name in ('g/total', 'd/loss') if name in told[0]]
    # One row a step, whatever the number of steps a dispatch.
    values = {name: np.concatenate([m[name] for m in told]) for name in names}
    rows = zip(*values.values(), strict=True)
    return [dict(zip(names, map(float, row), strict=True)) for row in rows]

  def forget_peak(self) -> None:
    worker.forget_resident()

  def peak_bytes(self) -> int:
    stats = self.device.memory_stats() if self.device.platform != 'cpu' else None
    return stats['peak_bytes_in_use'] if stats else worker.peak_resident()

  def product(self, size: int, repeats: int):
    import jax
    import jax.numpy as jnp

    a = jnp.full((size, size), 1 / size, self.dtype)
    multiply = jax.jit(jnp.matmul)

    def run():
      b = a
      for _ in range(repeats):
        b = multiply(a, b)
      jax.block_until_ready(b)

    return run


class Pytorch:
  """The same step in PyTorch, channels last, with fused Adam."""

  def __init__(self, setting: str, folder: pathlib.Path, work: dict[str, Any]):
    import torch
    import train_torch

    self.torch, self.stacked = torch, 1
    low = 'bfloat16' in setting
    self.dtype = torch.bfloat16 if low else torch.float32
    self.gpu = work['device'] != 'cpu'
    if self.gpu and not torch.cuda.is_available():
      raise RuntimeError('torch sees no GPU; it needs a build with CUDA')
    if self.gpu:
      # What JAX does without being asked: its float32 is TF32 on such devices too.
      torch.set_float32_matmul_precision('high')
      torch.backends.cudnn.allow_tf32 = True
      torch.backends.cudnn.benchmark = True
    self.device = torch.device('cuda' if self.gpu else 'cpu')
    pairs = {
      name: torch.from_numpy(value)
      .permute(0, 3, 1, 2)
      .to(self.device, memory_format=torch.channels_last)
      for name, value in np.load(folder / 'batch.npz').items()
    }
    flat: dict[str, dict[str, np.ndarray]] = {}
    with np.load(folder / 'weights.npz') as file:
      for name in file.files:
        whose, _, path = name.partition('/')
        flat.setdefault(whose, {})[path] = file[name]
    self.step, self.parameters = train_torch.make_step(
      work, flat, pairs['lr'], pairs['hr'], low=low, compiled='compile' in setting
    )

  def train(self, steps: int) -> list[dict[str, float]]:
    told = [self.step() for _ in range(steps)]
    if self.gpu:
      self.torch.cuda.synchronize()
    return [{name: float(x) for name, x in losses.items()} for losses in told]

  def forget_peak(self) -> None:
    if self.gpu:
      self.torch.cuda.reset_peak_memory_stats()
    worker.forget_resident()

  def peak_bytes(self) -> int:
    return (
      self.torch.cuda.max_memory_allocated() if self.gpu else worker.peak_resident()
    )

  def product(self, size: int, repeats: int):
    torch = self.torch
    a = torch.full((size, size), 1 / size, dtype=self.dtype, device=self.device)

    def run():
      b = a
      for _ in range(repeats):
        b = a @ b
      if self.gpu:
        torch.cuda.synchronize()

    return run


def start():
  framework, setting, name = sys.argv[1:]
  folder = pathlib.Path(name)
  work = json.loads((folder / 'work.json').read_text())
  made = {'jsr': Jsr, 'pytorch': Pytorch}[framework](setting, folder, work)
  # The first steps compile, and show that the work is the same.
  losses = made.train(2)[:2]
  made.train(max(1, work['steps'] // 4))
  products = {}

  def run(steps: int) -> dict[str, Any]:
    made.forget_peak()
    # Whole dispatches only.
    steps = -(-steps // made.stacked) * made.stacked
    seconds = worker.timed(lambda: made.train(steps)) / steps
    return {'seconds': seconds, 'peak_bytes': made.peak_bytes()}

  def peak(size: int) -> dict[str, Any]:
    repeats = 2 if work['device'] == 'cpu' else 20
    if size not in products:
      products[size] = made.product(size, repeats)
      products[size]()
    return {'rate': 2 * size**3 * repeats / worker.timed(products[size])}

  facts = {'parameters': made.parameters, 'losses': losses}
  return facts, {'run': run, 'peak': peak}


if __name__ == '__main__':
  worker.serve(start)
