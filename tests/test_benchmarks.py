"""The benchmark that people run, in its quick form, and the one line of the machine."""

import json
import subprocess
import sys

import pytest

from jsr import errors
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
