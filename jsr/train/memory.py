"""Whether a set of images fits into memory beside the training.

Memory is measured where it will be needed: on every device of this run, and on every
host, since images pass through it. The process with the least room decides for all.
"""

import collections
import json
import os
import pathlib
import socket
from typing import NamedTuple

import jax

from jsr.train import hosts

# Of what is free when training has not begun: left for networks, gradients, optimizers
# and everything else on the machine.
SHARE_OF_TRAINING = 0.5
# While they are loaded, images are on the host one by one and on one canvas.
COPIES_ON_HOST = 2
_GIB = 2**30
_MEMINFO = pathlib.Path('/proc/meminfo')
# Limits of a container or a job are those of its control group.
_CGROUP = pathlib.Path('/sys/fs/cgroup')
_CGROUP_FILES = (
  ('memory.max', 'memory.current'),
  ('memory/memory.limit_in_bytes', 'memory/memory.usage_in_bytes'),
)


class Room(NamedTuple):
  """How many bytes of pixels have room, and where that was measured.

  Attributes:
    size: The bytes.
    where: In words.
    host: Name of a machine whose memory processes share; '' for a device's own.
  """

  size: int
  where: str
  host: str


def fits(need: int | None, limit: int) -> tuple[bool, str]:
  """Decides whether images are kept in memory; all processes decide alike.

  Args:
    need: Bytes of their pixels; None if unknown.
    limit: Most bytes to keep, whatever the room.

  Returns:
    The decision, and the reason in words.
  """
  # Asked of all even where one could answer alone: every process must take part.
  texts = hosts.gather(json.dumps([need, rooms()]))
  facts = [json.loads(text) for text in texts]
  if any(their_need is None for their_need, _ in facts):
    return False, (
      'how many pixels it has is not known without decoding (config.data.verify=True'
      ' finds out)'
    )
  size = max(their_need for their_need, _ in facts)
  # Processes of one machine load at the same time.
  sharing = collections.Counter(r[2] for _, theirs in facts for r in theirs if r[2])
  least, index, where = min(
    (room // sharing.get(host, 1), i, place)
    for i, (_, theirs) in enumerate(facts)
    for room, place, host in theirs
  )
  whose = f' of process {index}' if len(facts) > 1 else ''
  told = f'{size / _GIB:.3g} GiB of pixels'
  if size > limit:
    return False, f'{told} are more than config.data.max_gib={limit / _GIB:.3g}'
  verb = 'fit' if size <= least else 'do not fit'
  return size <= least, f'{told} {verb} into {least / _GIB:.3g} GiB{whose}, {where}'


def rooms() -> list[Room]:
  """Measures how many bytes of pixels have room on this host and its devices."""
  device = free_on_devices()
  copies = COPIES_ON_HOST
  if jax.default_backend() == 'cpu':
    copies += jax.local_device_count()  # Devices and host share one memory.
  share = 1 - SHARE_OF_TRAINING
  found = [
    Room(
      int(free_on_host() * share / copies),
      f'the share for images of free host memory, {copies} copies at loading',
      socket.gethostname(),
    )
  ]
  if device is not None:
    found.append(
      Room(int(device * share), 'the share for images of free device memory', '')
    )
  return found


def free_on_devices() -> int | None:
  """Returns the free bytes of the fullest local device; None where it does not say."""
  stats = [device.memory_stats() for device in jax.local_devices()]
  free = [
    found['bytes_limit'] - found['bytes_in_use']
    for found in stats
    if found and 'bytes_limit' in found
  ]
  return min(free, default=None)


def free_on_host() -> int:
  """Returns the bytes of memory that this process can take without swapping."""
  return min([_free_on_machine(), *_free_in_group()])


def _free_in_group() -> list[int]:
  """Returns what the control group leaves, where there is one with a limit."""
  for limit, used in _CGROUP_FILES:
    try:
      most = (_CGROUP / limit).read_text().strip()
      if most.isdecimal():
        return [max(0, int(most) - int((_CGROUP / used).read_text()))]
    except (OSError, ValueError):
      continue
  return []


def _free_on_machine() -> int:
  try:
    for line in _MEMINFO.read_text().splitlines():
      name, _, value = line.partition(':')
      if name == 'MemAvailable':
        return int(value.split()[0]) * 1024  # In kB, which means KiB.
  except OSError:
    pass  # Not Linux.
  # Elsewhere what the machine has; macOS frees its file cache on demand.
  return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
