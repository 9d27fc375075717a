"""What a number was measured on, in one line."""

import contextlib
import datetime
import os
import pathlib
import platform
from importlib import metadata


def describe(*packages: str) -> str:
  """Names the processor, the system, versions and the day.

  Args:
    packages: Besides jax; those that are not installed are left out.
  """
  name = platform.processor() or platform.machine()
  info = pathlib.Path('/proc/cpuinfo')
  if info.is_file():
    lines = [line for line in info.read_text().splitlines() if 'model name' in line]
    name = lines[0].partition(':')[2].strip() if lines else name
  versions = []
  for package in ('jax', *packages):
    with contextlib.suppress(metadata.PackageNotFoundError):
      versions.append(f'{package} {metadata.version(package)}')
  cores = len(os.sched_getaffinity(0))
  return (
    f'{name}, {cores} cores; {platform.system()}, Python {platform.python_version()},'
    f' {", ".join(versions)}; {datetime.date.today()}'
  )
