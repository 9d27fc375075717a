"""Studies on a site that really serves."""

import os
import re
import subprocess
import sys


def create(server, pictures, name, raters=1):
  """Makes a study without examples; returns the researcher's link and the raters'."""
  command = [sys.executable, '-m', 'jsr.cli', 'study', 'create', name]
  command += ['--from', str(pictures), '--raters', str(raters), '--calibration', '0']
  command += ['--site', str(server.folder), '--address', server.url]
  done = subprocess.run(
    command,
    env=os.environ | server._env,
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  return re.findall(r'http\S+', done.stdout)
