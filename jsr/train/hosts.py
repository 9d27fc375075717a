"""Processes: who takes part in a run, and what they must agree on.

One process drives the devices of one machine, or of a part of it. JAX's own runtime
joins them; a launcher tells each where it stands:

    JSR_PROCESSES    how many there are
    JSR_PROCESS      which one this is, from 0
    JSR_COORDINATOR  host:port of process 0, reachable by all
    JSR_START_TIMEOUT  seconds in which all must have started (300)
    JSR_SIGNAL_STATUS  exit status after a signal, for a launcher that takes 0 for the
                     end of the run (0)

Without the first three a run is one process, and nothing here costs anything. Only
process 0 writes the config, the log and the bar; checkpoints are written by all.
"""

import collections
import json
import logging
import os
import pathlib
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jsr import errors
from jsr.types import Array

log = logging.getLogger(__name__)

VARIABLES = ('JSR_PROCESSES', 'JSR_PROCESS', 'JSR_COORDINATOR')
# Seconds in which all processes must have started; those in which a silent one counts
# as dead; those that one which ends waits for the others, who may wait for it.
START, SILENCE, LEAVE = 300, 60, 20
# Seconds until a new file is seen by all machines that share a folder.
SEEN = 60.0


def count() -> int:
  """Returns how many processes take part."""
  return jax.process_count()


def index() -> int:
  """Returns which of them this one is, from 0."""
  return jax.process_index()


def is_first() -> bool:
  """Whether this is the process that writes."""
  return jax.process_index() == 0


def connect() -> None:
  """Joins the processes of a run; call it before JAX touches a device.

  Raises:
    UserError: The variables at the top of the file contradict each other.
  """
  given = {name: os.environ.get(name, '') for name in VARIABLES}
  if given['JSR_PROCESSES'] in ('', '1'):
    return
  missing = [name for name, value in given.items() if not value]
  if missing:
    raise errors.UserError(
      f'JSR_PROCESSES is set and {" and ".join(missing)} is not: a run of several'
      ' processes needs all three, as the files in launch/ set them'
    )
  processes, index = (_whole(name, given[name]) for name in VARIABLES[:2])
  where = given['JSR_COORDINATOR']
  if index >= processes:
    raise errors.UserError(
      f'JSR_PROCESS={index} is none of {processes} processes, which are numbered from 0'
    )
  if not where.rpartition(':')[0] or not where.rpartition(':')[2].isdecimal():
    raise errors.UserError(f"JSR_COORDINATOR='{where}' is not of the form host:port")
  patience = os.environ.get('JSR_START_TIMEOUT') or str(START)
  seconds = _whole('JSR_START_TIMEOUT', patience)
  # If they do not come, or the port is taken, JAX's runtime ends the process itself, by
  # a status that launchers start again after. This line tells what it was about.
  log.info(
    'process %d of %d: the others have %d s to come to %s',
    index,
    processes,
    seconds,
    where,
  )
  jax.distributed.initialize(
    where,
    processes,
    index,
    cluster_detection_method='deactivate',
    initialization_timeout=seconds,
    heartbeat_timeout_seconds=SILENCE,
    shutdown_timeout_seconds=LEAVE,
  )


def signal_status() -> int:
  """Returns the exit status of a run that saved because it was asked to end.

  Raises:
    UserError: JSR_SIGNAL_STATUS is no number.
  """
  return _whole('JSR_SIGNAL_STATUS', os.environ.get('JSR_SIGNAL_STATUS') or '0')


def _whole(name: str, text: str) -> int:
  if not text.isdecimal():
    raise errors.UserError(f"{name}='{text}' is no whole number from 0")
  return int(text)


def gather(text: str) -> list[str]:
  """Returns what each process passed, in their order; all must call it."""
  if count() == 1:
    return [text]
  mine = np.frombuffer(text.encode(), np.uint8)
  sizes = multihost_utils.process_allgather(np.asarray(mine.size, np.int32))
  padded = np.zeros(max(1, int(sizes.max())), np.uint8)
  padded[: mine.size] = mine
  rows = multihost_utils.process_allgather(padded)
  return [
    bytes(row[:size]).decode() for row, size in zip(rows, sizes.tolist(), strict=True)
  ]


def agree(what: str, facts: Mapping[str, Any]) -> None:
  """Makes sure that all processes were started with the same facts.

  Args:
    what: What they are, for the message.
    facts: {name: JSON value}.

  Raises:
    UserError: In every process alike: which one differs, and in what.
  """
  texts = gather(json.dumps(facts, sort_keys=True, default=str))
  first = json.loads(texts[0])
  for index, text in enumerate(texts):
    other = json.loads(text)
    differ = [k for k in sorted({*first, *other}) if first.get(k) != other.get(k)]
    if differ:
      told = '; '.join(
        f'{key} is {other.get(key)!r} there and {first.get(key)!r} in process 0'
        for key in differ[:3]
      )
      raise errors.UserError(
        f'process {index} of {len(texts)} was started with another {what}: {told}'
        + (f'; and {len(differ) - 3} more' if len(differ) > 3 else '')
      )


def meet(name: str) -> None:
  """Waits until all processes are here."""
  if count() > 1:
    multihost_utils.sync_global_devices(name)


def check_shared(folder: pathlib.Path) -> None:
  """Makes sure that all processes see the same folder; it must exist for the first.

  Raises:
    UserError: In every process alike: which one does not see it.
  """
  if count() == 1:
    return
  # A name that no machine has looked for, and so none remembers as missing.
  path = folder / f'.meeting-{gather(uuid.uuid4().hex)[0]}'
  if is_first():
    path.touch()
  meet('touched')
  end = time.monotonic() + SEEN
  while not path.exists() and time.monotonic() < end:
    time.sleep(0.5)
  seen = gather(json.dumps(path.exists()))
  if is_first():
    path.unlink()
  for index, text in enumerate(seen):
    if not json.loads(text):
      raise errors.UserError(
        f'process {index} of {len(seen)} does not see what process 0 writes into'
        f' {folder}: the workdir must be one folder that all processes share'
      )


class Votes:
  """Decisions that all processes take at the same step, although one alone has cause.

  A vote is a tiny reduction that is sent off with every dispatch; its result is looked
  at a few dispatches later, when it is long there, so that nobody waits for it. All
  processes read the same vote before the same step.

  Args:
    largest: Reduces a number of each process to the largest of all; see
      `Parallel.largest`.
    lag: Dispatches between a vote and its result.
  """

  def __init__(self, largest: Callable[[int], Array], lag: int = 2):
    self._largest, self._lag = largest, lag
    self._open: collections.deque[Array] = collections.deque()

  def cast(self, mine: int) -> int:
    """Casts a vote, and returns the largest of an earlier round; 0 for none.

    Args:
      mine: 0 for no cause, or a number whose meaning is the caller's.
    """
    if count() == 1:
      return mine
    self._open.append(self._largest(mine))
    return int(self._open.popleft()) if len(self._open) > self._lag else 0
