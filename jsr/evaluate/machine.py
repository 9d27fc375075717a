"""What a number was measured on, in one line."""

import contextlib
import datetime
import os
import pathlib
import platform
from importlib import metadata


def processor() -> str:
  """Returns the name of the processor."""
  with contextlib.suppress(OSError):
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
      if line.startswith('model name'):
        return line.partition(':')[2].strip()
  return platform.processor() or platform.machine()


def describe(*packages: str) -> str:
  """Names the processor, the system, versions and the day.

  Args:
    packages: Besides jax; those that are not installed are left out.
  """
  versions = []
  for package in ('jax', *packages):
    with contextlib.suppress(metadata.PackageNotFoundError):
      versions.append(f'{package} {metadata.version(package)}')
  # Not every system tells which of its cores a process may use.
  affinity = getattr(os, 'sched_getaffinity', None)
  cores = len(affinity(0)) if affinity else os.cpu_count()
  return (
    f'{processor()}, {cores} core{"s" * (cores != 1)}; {platform.system()}, Python'
    f' {platform.python_version()}, {", ".join(versions)}; {datetime.date.today()}'
  )
