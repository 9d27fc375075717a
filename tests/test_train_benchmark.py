"""Benchmarks of training: rows, the same work on both sides, bytes between devices."""

import importlib
import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from jsr.train import recipe, settings
from tests.conftest import ROOT

KEYS = {
  *('workload', 'framework', 'setting', 'median_seconds', 'images_per_second'),
  *('peak_bytes', 'fraction_of_peak'),
}
PLAYERS = ('generator', 'discriminator')


@pytest.fixture
def bench(monkeypatch):
  """Imports a file of benchmarks/, which find each other beside themselves."""
  monkeypatch.syspath_prepend(ROOT / 'benchmarks')
  return importlib.import_module


def plan(bench, name, *overrides, batch=2):
  spec, made = bench('train_work').load(
    name, batch=batch, patch=0, tiny=True, overrides=overrides
  )
  return recipe.make(settings.load(spec, made))


def test_quick(tmp_path):
  """Both sides are there, so that their losses and parameters agreed."""
  pytest.importorskip('torch')
  file = tmp_path / 'rows.json'
  command = [sys.executable, 'benchmarks/train.py', '--quick', '--workloads', 'edsr']
  command += ['--device', 'cpu', '--rounds', '1', '--json', str(file)]
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
  assert done.returncode == 0, done.stderr
  rows = json.loads(file.read_text())
  assert [row['framework'] for row in rows] == ['jsr', 'pytorch']
  for row in rows:
    assert {*row} == KEYS, row
    assert row['workload'] == 'edsr tiny 2x48x48'
    assert row['setting'] == 'float32'
    assert row['images_per_second'] == pytest.approx(2 / row['median_seconds'])
    assert row['peak_bytes'] > 50e6
    assert 0 < row['fraction_of_peak'] < 1
  assert done.stdout.count('| float32 |') == 2


@pytest.mark.parametrize('name', ['edsr', 'srgan', 'rrdb'])
def test_pytorch_trains_the_same(name, bench, tmp_path):
  """Losses of the first step to rounding; the second's show what the first changed."""
  torch = pytest.importorskip('torch')
  work, torch_side = bench('train_work'), bench('train_torch')
  # Steps that one sees in the losses; less to compile.
  changes = [f'--config.optim.{p}.learning_rate=1e-3' for p in PLAYERS]
  changes.append("--config.losses.perceptual_layers=('relu3_1',)")
  spec, overrides = work.load(name, batch=2, patch=0, tiny=True, overrides=changes)
  made = work.write(tmp_path, spec, overrides, device='cpu', steps=1)
  step = jax.jit(work.make_step(made)(axis_name=None))
  state = made.init(jax.random.key(0))
  batch = {**work.pairs(made), 'index': np.arange(2, dtype=np.int32)}
  ours = []
  for _ in range(2):
    state, metrics = step(state, batch, jax.random.key(0))
    ours.append({n: float(metrics[n]) for n in metrics if n in ('g/total', 'd/loss')})

  flat: dict[str, dict[str, np.ndarray]] = {}
  for path, value in np.load(tmp_path / 'weights.npz').items():
    whose, _, rest = path.partition('/')
    flat.setdefault(whose, {})[rest] = value
  facts = json.loads((tmp_path / 'work.json').read_text())
  lr, hr = (torch.from_numpy(batch[n]).permute(0, 3, 1, 2) for n in ('lr', 'hr'))
  run, counts = torch_side.make_step(facts, flat, lr, hr, low=False, compiled=False)
  theirs = [{n: float(x) for n, x in run().items()} for _ in range(2)]

  players = [p for p in (state.generator, state.discriminator) if p is not None]
  sizes = [sum(x.size for x in jax.tree.leaves(p.variables['params'])) for p in players]
  assert counts == sizes
  assert ours[0] == pytest.approx(theirs[0], rel=1e-5)
  for loss in ours[0]:
    change = ours[1][loss] - ours[0][loss]
    assert change == pytest.approx(theirs[1][loss] - theirs[0][loss], rel=0.02)
    assert change != 0


def test_other_work_is_refused(bench):
  train, torch_side = bench('train'), bench('train_torch')
  want = {'parameters': [5], 'losses': [{'g/total': 1.0}, {'g/total': 0.9}]}
  same = {'parameters': [5], 'losses': [{'g/total': 1.00001}, {'g/total': 0.901}]}
  assert train.differs(want, same, 'float32', 'cpu') == ''
  for losses in ([1.01, 0.9], [1.0, 0.8], [float('nan'), 0.9]):
    got = {'parameters': [5], 'losses': [{'g/total': x} for x in losses]}
    assert 'g/total of step' in train.differs(want, got, 'float32', 'cpu')
  assert 'parameters' in train.differs(want, {**same, 'parameters': [6]}, '', 'cpu')
  args = {'features': 2, 'blocks': 1, 'scale': 2}
  with pytest.raises(ValueError, match=r'lacks .*head\.bias'):
    torch_side.fill(torch_side.Edsr(args), {'head/conv/kernel': np.zeros((3, 3, 3, 2))})


def test_failures_are_rows(bench, tmp_path):
  train, worker = bench('train'), bench('worker')
  reasons = []
  for number, (code, limit) in enumerate(
    [
      ('raise ValueError("no such thing")', None),
      ('import os; os._exit(7)', None),
      ('import time; time.sleep(60)', 1),
    ]
  ):
    script = tmp_path / f'{number}.py'
    script.write_text(
      f'import sys; sys.path.insert(0, {str(ROOT / "benchmarks")!r})\n'
      f'import worker\ndef start():\n  {code}\nworker.serve(start)\n'
    )
    facts = worker.Worker(script, [], limit=limit).facts
    assert not facts['ready']
    reasons.append(facts['why'])
  assert reasons[0] == 'no such thing'
  assert reasons[1].startswith('ended with status 7')
  assert reasons[2] == 'not ready within 1 s'
  failed, done = (
    train.Contender('pytorch', 'float32'),
    train.Contender('jsr', 'float32'),
  )
  failed.why = reasons[0]
  done.seconds, done.rates, done.peak = [1.0, 3.0, 2.0], [4e9, 8e9], 100
  rows = train.to_rows('edsr', 16, 4e9, [failed, done])
  assert {*rows[0]} == {*KEYS, 'why'}
  assert rows[0]['median_seconds'] is None
  assert rows[1]['median_seconds'] == 2
  assert rows[1]['images_per_second'] == 8
  assert rows[1]['fraction_of_peak'] == 0.25


@pytest.mark.parametrize(
  ('name', 'backend', 'overrides'),
  [
    ('edsr', 'jit', ()),
    (
      'srgan',
      'shard_map',
      # Batch norm of both networks, and no VGG19, which exchanges nothing.
      (
        '--config.losses.perceptual_weight=0.0',
        '--config.losses.pixel_weight=1.0',
        '--config.discriminator.args.depth=3',
      ),
    ),
  ],
)
def test_bytes_in_code_are_those_of_the_formula(name, backend, overrides, bench):
  made = plan(bench, name, *overrides)
  scaling, traffic = bench('scaling'), bench('traffic')
  step, (state, *_) = scaling.compiled(made, backend, jax.devices()[:2])
  want = traffic.by_formula(made)
  numbers = sum(x.size for x in jax.tree.leaves(state.generator.variables['params']))
  assert traffic.in_code(step.as_text())[0] == want.total
  assert want.gradients >= 4 * numbers
  assert (want.statistics > 0) == (name == 'srgan')


def test_all_reduces_are_found(bench):
  text = """
  %a = f32[3,3,8]{2,1,0} all-reduce(%x), channel_id=1
  %b = (f32[8]{0}, bf16[2,4]{1,0}, f32[]) all-reduce(%x, %y, %z), channel_id=2
  %c = f32[10]{0} all-reduce-start(%x), channel_id=3
  %d = f32[10]{0} all-reduce-done(%c)
  ROOT %e = f32[99]{0} add(%a, %b)
  """
  assert bench('traffic').in_code(text) == (4 * 72 + 4 * 8 + 2 * 8 + 4 * 10, 3)


def test_times_of_links(bench):
  traffic = bench('traffic')
  assert traffic.ring(8e9, 2, 1e9, 0.5) == 8 + 1
  assert traffic.ring(8e9, 4, 1e9, 0.5) == 12 + 3
  assert traffic.tree(8e9, 8, 1e9, 0.5) == 16 + 3
  links = traffic.Links(4e9, 1e9, 0.0, 0.0, node=4)
  assert links.seconds(8e9, 4) == 3
  # Two machines: each GPU takes a quarter over its own link.
  assert links.seconds(8e9, 8) == 3 + 2
  cost = traffic.Traffic(gradients=800, statistics=40, waits=4)
  assert traffic.exchange(cost, 1, links) == (0, 0)
  gradients, norm = traffic.exchange(cost, 4, links)
  assert gradients == pytest.approx(300e-9)
  assert norm == pytest.approx(4 * links.seconds(10, 4))


def test_devices_replace_others(bench, monkeypatch):
  monkeypatch.setenv('XLA_FLAGS', '--a=1 --xla_force_host_platform_device_count=8')
  got = bench('scaling').devices_flag(2)
  assert got == '--a=1 --xla_force_host_platform_device_count=2'


def test_results_are_found_again(bench, tmp_path):
  """What gpu.sh gathers is what the analysis reads."""
  gather, scaling = bench('gather'), bench('scaling')
  rows = [
    {'workload': 'edsr 16x192x192', 'framework': f, 'setting': s, 'median_seconds': t}
    for f, s, t in (
      ('jsr', 'float32', 0.2),
      ('jsr', 'bfloat16', 0.1),
      ('jsr', 'other', None),
      ('pytorch', 'float32', 0.01),
    )
  ]
  (tmp_path / 'train-edsr.json').write_text(json.dumps(rows))
  (tmp_path / 'run').mkdir()
  lines = [
    {'step': 100 * i, 'steps_per_second': r} for i, r in ((1, 1), (2, 9), (3, 11))
  ]
  (tmp_path / 'run' / 'metrics.jsonl').write_text(
    ''.join(json.dumps(line) + '\n' for line in lines)
  )
  result = gather.gather(tmp_path, 'A GPU')
  assert result['run']['steps_per_second'] == 10
  file = tmp_path / 'gpu-x.json'
  file.write_text(json.dumps(result))
  assert scaling.measured('edsr', file) == (0.1, 'gpu-x.json, bfloat16')
  assert scaling.measured('rrdb', file) is None


@pytest.mark.parametrize('card', [False, True])
def test_gpu_says_what_is_missing(card, tmp_path):
  """No GPU; or one that JAX does not see."""
  tool = tmp_path / 'nvidia-smi'
  tool.write_text('#!/bin/sh\n' + ('echo "GPU 0: A Card"\n' if card else 'exit 9\n'))
  tool.chmod(0o755)
  env = {
    **os.environ,
    'PATH': f'{tmp_path}:{os.environ["PATH"]}',
    'PYTHON': sys.executable,
    'CUDA_VISIBLE_DEVICES': '',
  }
  file = tmp_path / 'out.json'
  done = subprocess.run(
    [ROOT / 'benchmarks' / 'gpu.sh', file],
    env=env,
    capture_output=True,
    text=True,
    timeout=300,
  )
  assert done.returncode == 2
  said = done.stderr.splitlines()
  assert len(said) == 1
  assert ('jax[cuda12] is missing' if card else 'there is no NVIDIA GPU here') in said[
    0
  ]
  assert not file.exists()


def test_workloads_are_the_papers(bench):
  """The sizes that the docs name; building them would take a while, loading not."""
  for name, patch in (('edsr', 192), ('srgan', 96), ('rrdb', 128)):
    spec, made = bench('train_work').load(name, batch=16, patch=0, tiny=False)
    config = settings.load(spec, made)
    assert (config.data.batch_size, config.data.patch_size) == (16, patch)
    assert config.losses.vgg == 'random'
