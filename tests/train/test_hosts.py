"""Several processes that train one network: the same numbers, and the same end."""

import json
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from jsr.errors import UserError
from jsr.train import checkpoint, hosts
from tests.conftest import QUICK_XLA, ROOT, without_torch

# SGD shows what Adam's division hides.
RECIPE = (
  'train',
  '--config=configs/compact.py:x4,smoke',
  '--config.optim.generator.name=sgd',
  '--config.optim.generator.learning_rate=1e-2',
  '--config.log.every=1',
  '--config.log.progress=False',
  '--config.eval.limit=3',
)
MAIN = 'import sys; from jsr import cli; sys.exit(cli.main())'
LIMIT = 240


def free_port():
  with socket.socket() as s:
    s.bind(('localhost', 0))
    return s.getsockname()[1]


class Run:
  """Processes of one run, each with its own virtual devices."""

  def __init__(
    self, workdir, processes, devices, *more, each=lambda i: (), main=lambda i: MAIN
  ):
    port = free_port()
    self.workdir = workdir
    self.processes = [
      subprocess.Popen(
        [
          sys.executable,
          '-c',
          main(i),
          *RECIPE,
          f'--workdir={workdir}',
          *more,
          *each(i),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
          **without_torch(),
          'XLA_FLAGS': f'{QUICK_XLA} --xla_force_host_platform_device_count={devices}',
          'JSR_PROCESSES': str(processes),
          'JSR_PROCESS': str(i),
          'JSR_COORDINATOR': f'localhost:{port}',
        },
      )
      for i in range(processes)
    ]

  def finish(self, status=0):
    texts = []
    try:
      for process in self.processes:
        texts.append(process.communicate(timeout=LIMIT)[0])
    finally:
      for process in self.processes:
        process.kill()
    got = [process.returncode for process in self.processes]
    assert got == [status] * len(got), '\n'.join(texts)
    return texts

  def records(self):
    lines = (self.workdir / 'metrics.jsonl').read_text().splitlines()
    return [json.loads(line) for line in lines]

  def losses(self):
    return {r['step']: r['g/pixel'] for r in self.records() if 'g/pixel' in r}

  def figures(self):
    return {
      (r['step'], name): value
      for r in self.records()
      for name, value in r.items()
      if name.startswith('eval/')
    }

  def weights(self):
    _, variables = checkpoint.load_variables(
      self.workdir, which='latest', best_metric=''
    )
    return variables['params']


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
  run = Run(tmp_path_factory.mktemp('runs') / 'alone', 1, 4)
  run.finish()
  return run


def assert_same(run, alone):
  assert run.losses().keys() == alone.losses().keys() == set(range(1, 7))
  for step, loss in alone.losses().items():
    assert run.losses()[step] == pytest.approx(loss, abs=2e-6)
  assert run.figures().keys() >= alone.figures().keys() > set()
  for name, value in alone.figures().items():
    assert run.figures()[name] == pytest.approx(value, abs=1e-3)
  for got, want in zip(leaves(run.weights()), leaves(alone.weights()), strict=True):
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-6)


def leaves(tree):
  return [x for v in tree.values() for x in (leaves(v) if isinstance(v, dict) else [v])]


@pytest.mark.parametrize(('pipeline', 'kind'), [('auto', 'resident'), ('grain',) * 2])
def test_two_processes_are_one(alone, tmp_path, pipeline, kind):
  """Grain shuffles by other numbers, so it is compared on its own."""
  setting = f'--config.data.pipeline={pipeline}'
  if pipeline == 'grain':
    alone = Run(tmp_path / 'alone', 1, 4, setting)
    alone.finish()
  run = Run(tmp_path / 'run', 2, 2, setting)
  texts = run.finish()
  assert_same(run, alone)
  assert checkpoint.last_position(run.workdir)['pipeline'] == kind
  assert 'step 6 (max_steps)' in texts[0]
  assert 'step 6' not in texts[1]


def test_another_number_of_processes_goes_on(alone, tmp_path):
  Run(tmp_path / 'run', 2, 2, '--config.train.max_steps=4').finish()
  run = Run(tmp_path / 'run', 1, 4)
  run.finish()
  assert_same(run, alone)


def test_a_signal_to_one_stops_all(tmp_path, monkeypatch):
  monkeypatch.setenv('JSR_SIGNAL_STATUS', '75')
  run = Run(tmp_path / 'run', 2, 1, '--config.train.max_steps=100000')
  deadline = time.monotonic() + LIMIT
  while not (run.workdir / 'metrics.jsonl').exists() or len(run.losses()) < 3:
    assert time.monotonic() < deadline
    assert [process.poll() for process in run.processes] == [None, None]
    time.sleep(0.05)
  run.processes[1].send_signal(signal.SIGTERM)
  run.finish(75)
  (stopped,) = [r for r in run.records() if 'event' in r]
  assert 'asked to by a signal' in stopped['event']
  with_checkpoint = sorted(
    int(p.name) for p in (run.workdir / 'checkpoints').iterdir() if p.name.isdecimal()
  )
  assert with_checkpoint[-1] == stopped['step']


def test_processes_that_disagree(tmp_path):
  def each(i):
    return (f'--config.data.batch_size={4 * (i + 1)}', f'--config.seed={7 * i}')

  texts = Run(tmp_path / 'run', 2, 1, each=each).finish(2)
  for text in texts:
    assert text.splitlines()[-1] == (
      'jsr train: process 1 of 2 was started with another config: data.batch_size is 8'
      ' there and 4 in process 0; seed is 7 there and 0 in process 0'
    )
  assert not (tmp_path / 'run').exists()


def test_workdirs_that_are_not_shared(tmp_path):
  texts = Run(
    tmp_path / 'run',
    2,
    1,
    each=lambda i: (f'--workdir={tmp_path / str(i)}',),
    main=lambda i: f'from jsr.train import hosts; hosts.SEEN = 1.0; {MAIN}',
  ).finish(2)
  for text in texts:
    assert 'process 1 of 2 does not see what process 0 writes into' in text
  assert not list((tmp_path / '0').glob('.meeting*'))


def test_when_one_fails_the_others_do_not_wait_for_ever(tmp_path):
  """A launcher can start all again only once all are gone."""
  fails = (
    'from jsr.train import evaluator, hosts; hosts.LEAVE = 3\n'
    'def fail(*_): raise OSError("no such disk")\n'
    'evaluator.Evaluator.__call__ = fail\n'
  )
  before = time.monotonic()
  run = Run(tmp_path / 'run', 2, 1, main=lambda i: fails * i + MAIN)
  texts = [process.communicate(timeout=LIMIT)[0] for process in run.processes]
  assert time.monotonic() - before < LIMIT / 2
  assert 'no such disk' in texts[1]
  assert [process.returncode != 0 for process in run.processes] == [True, True]


@pytest.mark.parametrize(
  ('processes', 'process', 'coordinator', 'message'),
  [
    ('2', '', 'a:1', 'JSR_PROCESSES is set and JSR_PROCESS is not'),
    ('2', '', '', 'JSR_PROCESS and JSR_COORDINATOR is not'),
    ('two', '0', 'a:1', "JSR_PROCESSES='two' is no whole number"),
    ('2', '2', 'a:1', 'JSR_PROCESS=2 is none of 2 processes'),
    ('2', '0', 'a', "JSR_COORDINATOR='a' is not of the form host:port"),
  ],
)
def test_variables(monkeypatch, processes, process, coordinator, message):
  values = (processes, process, coordinator)
  for name, value in zip(hosts.VARIABLES, values, strict=True):
    monkeypatch.setenv(name, value)
  with pytest.raises(UserError, match=message):
    hosts.connect()


def test_other_variables(monkeypatch):
  assert hosts.signal_status() == 0
  monkeypatch.setenv('JSR_SIGNAL_STATUS', '75')
  assert hosts.signal_status() == 75
  monkeypatch.setenv('JSR_SIGNAL_STATUS', 'no')
  with pytest.raises(UserError, match="JSR_SIGNAL_STATUS='no' is no whole number"):
    hosts.signal_status()
  for name, value in zip(hosts.VARIABLES, ('2', '0', 'a:1'), strict=True):
    monkeypatch.setenv(name, value)
  monkeypatch.setenv('JSR_START_TIMEOUT', 'soon')
  with pytest.raises(UserError, match="JSR_START_TIMEOUT='soon' is no whole number"):
    hosts.connect()


def test_company_that_does_not_come_may_come_later(tmp_path):
  """Not a mistake in the arguments: a launcher starts it again."""
  environment = {
    'JSR_PROCESSES': '2',
    'JSR_PROCESS': '0',
    'JSR_COORDINATOR': f'localhost:{free_port()}',
    'JSR_START_TIMEOUT': '1',
  }
  done = subprocess.run(
    [sys.executable, '-c', MAIN, *RECIPE, f'--workdir={tmp_path / "run"}'],
    cwd=ROOT,
    env={**without_torch(), **environment},
    capture_output=True,
    text=True,
    timeout=LIMIT,
  )
  assert done.returncode not in (0, 2, 130), done.stderr
  assert 'process 0 of 2: the others have 1 s to come to localhost' in done.stderr


def test_one_process_is_none(monkeypatch):
  monkeypatch.setenv('JSR_PROCESSES', '1')
  hosts.connect()
  assert hosts.count() == 1
  assert hosts.gather('x') == ['x']
  hosts.agree('config', {'a': 1})
  hosts.meet('here')
  assert hosts.is_first()


def test_votes(monkeypatch):
  """All hear of the largest vote of a round, a few rounds later."""
  assert [hosts.Votes(None).cast(vote) for vote in (0, 2)] == [0, 2]
  monkeypatch.setattr(hosts, 'count', lambda: 2)
  others = iter([0, 1, 0, 0, 0])
  votes = hosts.Votes(lambda mine: np.int32(max(mine, next(others))), lag=2)
  assert [votes.cast(mine) for mine in (0, 0, 2, 0, 0)] == [0, 0, 0, 1, 2]
