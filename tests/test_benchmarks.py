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
