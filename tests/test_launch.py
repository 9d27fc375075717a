"""The launchers: their syntax, and the local one with a stand-in for jsr."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

LAUNCH = pathlib.Path(__file__).resolve().parents[1] / 'launch'
SCRIPTS = sorted([*LAUNCH.glob('*.sh'), *LAUNCH.glob('*.sbatch')])
ARGUMENTS = ['configs/srgan.py', 'out/srgan', '--config.seed=1', '--config.x=a b']

# Writes its arguments a line each; ends as the next line of `plan` says.
FAKE = """#!/usr/bin/env bash
printf '%s\\n' "$@" -- >> calls
n=$(grep -c '^--$' calls)
do=$(sed -n "${n}p" plan)
case $do in
  wait)
    trap 'echo saved >> calls; exit 0' TERM
    trap 'echo saved >> calls; exit 130' INT
    echo > ready
    for _ in {1..1000}; do sleep 0.02; done ;;
  *) exit "$do" ;;
esac
"""


@pytest.fixture
def start(tmp_path):
  def go(plan, arguments=ARGUMENTS, script='local.sh', **environment):
    (tmp_path / 'bin').mkdir(exist_ok=True)
    (tmp_path / 'plan').write_text('\n'.join(map(str, plan)) + '\n')
    fakes = {
      'jsr': FAKE,
      'srun': '#!/usr/bin/env bash\nexec "$@"\n',
      'scontrol': '#!/usr/bin/env bash\necho "$@" >> requeued\n',
    }
    for name, text in fakes.items():
      (tmp_path / 'bin' / name).write_text(text)
      (tmp_path / 'bin' / name).chmod(0o755)
    return subprocess.Popen(
      ['bash', str(LAUNCH / script), *arguments],
      cwd=tmp_path,
      stderr=subprocess.PIPE,
      text=True,
      env={
        **os.environ,
        'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}',
        'RESTART_DELAY': '0',
        'SLURM_JOB_ID': '77',
        **environment,
      },
    )

  return go


def finish(process):
  try:
    _, err = process.communicate(timeout=15)
  except subprocess.TimeoutExpired:
    process.kill()
    process.communicate()
    raise
  return process.returncode, err


def calls(folder):
  return (folder / 'calls').read_text().split('--\n')[:-1]


def wait_for(path):
  deadline = time.monotonic() + 30
  while not path.exists():
    assert time.monotonic() < deadline
    time.sleep(0.01)


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda p: p.name)
def test_syntax(script):
  subprocess.run(['bash', '-n', script], check=True)
  assert script.stat().st_mode & 0o111 or script.suffix == '.sbatch'


def test_both_launchers_are_here():
  assert [p.name for p in SCRIPTS] == ['local.sh', 'slurm.sbatch']


@pytest.mark.parametrize('status', [0, 2, 130])
def test_what_is_final(start, tmp_path, status):
  assert finish(start([status])) == (status, '')
  want = ['train', '--config', ARGUMENTS[0], '--workdir', *ARGUMENTS[1:]]
  assert calls(tmp_path) == ['\n'.join(want) + '\n']


def test_a_crash_restarts(start, tmp_path):
  status, err = finish(start([1, 139, 0]))
  assert status == 0
  assert 'ended with status 1, restart 1\n' in err
  assert 'ended with status 139, restart 2\n' in err
  first, second, third = calls(tmp_path)
  assert first == second == third


def test_it_gives_up(start, tmp_path):
  status, err = finish(start([1, 1, 1, 7, 0], MAX_RESTARTS='3'))
  assert status == 7
  assert err.endswith('gave up after 3 restarts\n')
  assert len(calls(tmp_path)) == 4


@pytest.mark.parametrize(
  ('number', 'status'), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
def test_signals_are_passed_on(start, tmp_path, number, status):
  process = start([1, 'wait', 0])
  wait_for(tmp_path / 'ready')
  process.send_signal(number)
  assert finish(process)[0] == status
  assert (tmp_path / 'calls').read_text().endswith('--\nsaved\n')
  assert len(calls(tmp_path)) == 2


def test_too_few_arguments(start, tmp_path):
  status, err = finish(start([0], arguments=['configs/srgan.py']))
  assert status == 2
  assert 'launch/local.sh CONFIG WORKDIR' in err
  assert not (tmp_path / 'calls').exists()


def test_slurm_ends_as_training_does(start, tmp_path):
  for status in (0, 1):
    assert finish(start([status, status], script='slurm.sbatch'))[0] == status
    assert not (tmp_path / 'requeued').exists()
    (tmp_path / 'calls').unlink()


def test_slurm_requeues_when_time_is_up(start, tmp_path):
  process = start(['wait'], script='slurm.sbatch')
  wait_for(tmp_path / 'ready')
  process.send_signal(signal.SIGTERM)
  assert finish(process)[0] == 0
  assert (tmp_path / 'requeued').read_text() == 'requeue 77\n'
