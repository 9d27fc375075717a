"""data.pipeline=auto: measured memory decides, all processes alike, and for good."""

import json
import logging

import jax
import numpy as np
import pytest

from jsr.data import sources
from jsr.errors import UserError
from jsr.train import checkpoint, hosts, loop, memory, parallel, settings
from jsr.train.batches import Batches
from tests.conftest import ROOT
from tests.train import small

MIB = 2**20


@pytest.fixture(scope='module')
def source() -> sources.ImageSource:
  return sources.open_source('photographs', split='train', min_size=96, progress=False)


@pytest.fixture
def measured(monkeypatch):
  """measured(host=..., device=...) sets what the machine seems to have free."""

  def pretend(host: int, device: int | None = None) -> None:
    monkeypatch.setattr(memory, 'free_on_host', lambda: host)
    monkeypatch.setattr(memory, 'free_on_devices', lambda: device)

  return pretend


def open_batches(source, workdir, **data) -> Batches:
  overrides = {'pipeline': 'auto', **data}
  config = settings.load(
    str(ROOT / 'configs/compact.py:smoke'),
    [f'--config.data.{key}={value}' for key, value in overrides.items()],
  )
  one = parallel.make('jit', config.data.batch_size, jax.devices()[:1])
  return Batches(config, one, source, workdir)


def test_the_bytes_of_a_set_are_known(source):
  wanted = sum(source[i].nbytes for i in range(len(source)))
  assert source.nbytes == wanted
  headers = sources.open_source(
    'photographs', split='train', min_size=96, verify=False, progress=False
  )
  assert headers.nbytes == wanted


def test_room_is_the_least_of_host_and_devices(measured, monkeypatch):
  # On a CPU, images on the host, their canvas there, and one on each virtual device.
  measured(host=200 * MIB)
  assert min(memory.rooms()).size == 200 * MIB // 2 // (2 + 8)
  monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  measured(host=400 * MIB, device=60 * MIB)
  size, where, host = min(memory.rooms())
  assert host == ''
  assert size == 30 * MIB
  assert 'device memory' in where
  measured(host=100 * MIB, device=60 * MIB)
  size, where, host = min(memory.rooms())
  assert host
  assert size == 25 * MIB
  assert 'host memory' in where


def test_free_memory_is_measured(monkeypatch, tmp_path):
  assert MIB < memory.free_on_host() < 2**50
  monkeypatch.setattr(memory, '_MEMINFO', tmp_path / 'meminfo')
  assert memory.free_on_host() > MIB  # Not Linux.
  (tmp_path / 'meminfo').write_text('MemFree: 1 kB\nMemAvailable:    2048 kB\n')
  assert memory.free_on_host() == 2 * MIB
  # A container's limit is below the machine's memory.
  monkeypatch.setattr(memory, '_CGROUP', tmp_path)
  (tmp_path / 'memory.current').write_text(f'{MIB}\n')
  for limit, free in (('max', 2 * MIB), (3 * MIB // 2, MIB // 2), (MIB // 2, 0)):
    (tmp_path / 'memory.max').write_text(f'{limit}\n')
    assert memory.free_on_host() == free
  (tmp_path / 'memory.max').unlink()
  assert memory.free_on_devices() is None

  class Device:
    def __init__(self, stats):
      self.memory_stats = lambda: stats

  def some(*stats):
    monkeypatch.setattr(jax, 'local_devices', lambda: [Device(s) for s in stats])

  some({'bytes_limit': 90, 'bytes_in_use': 20}, {'bytes_limit': 90, 'bytes_in_use': 40})
  assert memory.free_on_devices() == 50
  some({}, None)
  assert memory.free_on_devices() is None


def test_auto_is_resident_where_there_is_room(source, measured, tmp_path, caplog):
  measured(host=2 * 10 * source.nbytes + 100)
  with caplog.at_level(logging.INFO, logger='jsr'):
    batches = open_batches(source, tmp_path)
  assert batches.kind == 'resident'
  lines = [r.getMessage() for r in caplog.records if 'auto' in r.getMessage()]
  assert len(lines) == 1
  assert 'photographs: data.pipeline=auto is resident: 0.0108 GiB' in lines[0]
  assert 'fit into' in lines[0]
  # And it is what 'resident' is.
  other = open_batches(source, tmp_path, pipeline='resident')
  for made in (batches, other):
    made.start(3, attempt=0)
  np.testing.assert_array_equal(batches.take(3, 1)['hr'], other.take(3, 1)['hr'])


@pytest.mark.parametrize(
  ('data', 'host', 'told'),
  [
    ({}, 19, 'do not fit into'),
    ({'max_gib': 0.01}, 1000, 'more than config.data.max_gib=0.01'),
  ],
)
def test_auto_is_grain_where_there_is_none(
  source, measured, tmp_path, caplog, data, host, told
):
  measured(host=host * source.nbytes)
  with caplog.at_level(logging.INFO, logger='jsr'):
    batches = open_batches(source, tmp_path, **data)
  assert batches.kind == 'grain'
  assert told in caplog.text
  with batches:
    batches.start(0, attempt=0)
    assert batches.take(0, 2)['hr'].shape == (2, 4, 32, 32, 3)


def test_auto_streams_what_it_cannot_measure(source, measured, tmp_path, monkeypatch):
  measured(host=2**50)
  monkeypatch.setattr(source, 'nbytes', None)
  assert open_batches(source, tmp_path).kind == 'grain'


@pytest.mark.parametrize(('theirs', 'fits'), [(99, False), (100, True), (2000, True)])
def test_the_least_memory_of_all_processes_decides(measured, monkeypatch, theirs, fits):
  measured(host=2 * 10 * 1000)
  other = json.dumps([100, [(theirs, 'there', 'elsewhere')]])
  monkeypatch.setattr(hosts, 'gather', lambda text: [text, other])
  decision, reason = memory.fits(100, 10_000)
  assert decision == fits
  assert ('process 1, there' in reason) == (theirs < 1000)


def test_processes_of_one_machine_share_its_memory(measured, monkeypatch):
  measured(host=2 * 10 * 1000)
  monkeypatch.setattr(hosts, 'gather', lambda text: [text] * 4)
  assert memory.fits(250, 10_000)[0]
  assert not memory.fits(251, 10_000)[0]


def test_an_unknown_pipeline(source, tmp_path):
  with pytest.raises(UserError, match=r"unknown data pipeline 'atuo'.*'auto'"):
    open_batches(source, tmp_path, pipeline='atuo')


def test_a_position_that_is_damaged_or_of_no_checkpoint_is_passed_over(tmp_path):
  assert checkpoint.last_position(tmp_path) is None
  for step, text in (('9', '{"step": 9}'), ('10', '{'), ('11.tmp', '{"step": 11}')):
    folder = tmp_path / checkpoint.FOLDER / step / 'position'
    folder.mkdir(parents=True)
    (folder / 'metadata').write_text(text)
  assert checkpoint.last_position(tmp_path) == {'step': 9}


@pytest.mark.usefixtures('one_device')
@pytest.mark.parametrize('kind', ['grain', 'resident'])
def test_a_resumed_run_keeps_its_kind(kind, measured, tmp_path, caplog):
  """Whatever memory says by then: the two have different orders."""
  config = small.config(
    gan=False, data__pipeline='auto', train__max_steps=2, eval__every=0
  )
  plenty, little = 2**50, 100
  measured(host=little if kind == 'grain' else plenty)
  loop.train(config, tmp_path / 'run')
  measured(host=plenty if kind == 'grain' else little)
  config.train.max_steps = 4
  with caplog.at_level(logging.INFO, logger='jsr'):
    assert loop.train(config, tmp_path / 'run')['steps_done'] == 2
  assert f'auto is {kind}: as in the checkpoint' in caplog.text
