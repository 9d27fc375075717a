"""The benchmark that people run, in its quick form, and the one line of the machine."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from jsr import errors
from jsr.train import checkpoint
from jsr.upscale import engines
from tests.conftest import ROOT


def test_upscale_quick(tmp_path):
  """Every framework at hand computes the same network."""
  try:
    engines.optional('onnx', 'onnx')
  except errors.UserError as error:
    pytest.skip(str(error))
  file = tmp_path / 'rows.json'
  command = [sys.executable, 'benchmarks/upscale.py', '--quick', '--json', str(file)]
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
  assert done.returncode == 0, done.stderr
  rows = json.loads(file.read_text())
  assert {'jsr', 'onnxruntime', 'openvino', 'pytorch'} <= {r['framework'] for r in rows}
  for row in rows:
    assert {*row} == {
      *('workload', 'framework', 'setting', 'median_seconds', 'peak_bytes'),
      'max_difference',
    }
    assert row['workload'] == 'compact-x4 128x128'
    assert row['median_seconds'] > 0
    assert row['peak_bytes'] > 50e6
    low = 'bfloat16' in row['setting']
    assert row['max_difference'] < (0.05 if low else 1e-5)


def test_data_quick():
  """Every way to bring data to the step, PyTorch's among them where it is."""
  command = [sys.executable, 'benchmarks/data.py', '--quick', '--workers', '0']
  command += ['--batch-size', '2']
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
  assert done.returncode == 0, done.stderr
  head, *rows, reference = done.stdout.splitlines()
  assert head.startswith('5 images of photographs, batches of 2 patches of 96')
  rates = {row[:32].strip(): float(row[32:].split()[0]) for row in rows}
  assert {'Pillow loop', 'grain, files', 'grain, records', 'resident'} <= set(rates)
  assert all(rate > 0 for rate in rates.values())
  assert reference.removeprefix('1 x is: ') in rates


def test_the_mean_since_a_checkpoint(monkeypatch, tmp_path):
  """What two averages, still full of the beginning, tell of the steps between them."""
  monkeypatch.syspath_prepend(ROOT / 'benchmarks')
  zoo = importlib.import_module('zoo')
  rng = np.random.default_rng(0)
  decay, path = 0.999, rng.normal(size=(121, 3, 4)).astype('f')
  average, kept = np.full((3, 4), 1e3, 'f'), {}
  for step, parameters in enumerate(path):
    average = np.float32(decay) * average + np.float32(1 - decay) * parameters
    kept[step] = {'params': {'kernel': average}}

  class Checkpoints:
    steps = (40, 120)

    def __init__(self, *_, **__):
      pass

    def restore_inference(self, step):
      return kept[step]

    def close(self):
      pass

  monkeypatch.setattr(checkpoint, 'Checkpoints', Checkpoints)
  (tmp_path / 'config.json').write_text(json.dumps({'optim': {'ema_decay': decay}}))
  got = zoo.mean_since(tmp_path, 40)['params']['kernel']
  assert got.dtype == np.float32
  np.testing.assert_allclose(got, path[41:].mean(0), atol=0.02)
  kept[120]['batch_stats'] = {}
  with pytest.raises(SystemExit, match='running statistics'):
    zoo.mean_since(tmp_path, 40)
