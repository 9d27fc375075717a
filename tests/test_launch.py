"""The launchers: their syntax, and what they do with a stand-in for jsr."""

import copy
import importlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

import jsonschema
import pytest
import yaml

from jsr.train import hosts

LAUNCH = pathlib.Path(__file__).resolve().parents[1] / 'launch'
LAUNCHERS = sorted([*LAUNCH.glob('*.sh'), *LAUNCH.glob('*.sbatch')])
SCRIPTS = [*LAUNCHERS, LAUNCH.parent / 'benchmarks' / 'gpu.sh']
ARGUMENTS = ['configs/srgan.py', 'out/srgan', '--config.seed=1', '--config.x=a b']

# Writes its arguments a line each; ends as the next line of `plan` says. One of several
# processes has files of its own, and writes where it stands as well.
FAKE = """#!/usr/bin/env bash
me=${JSR_PROCESSES:+.$JSR_PROCESS}
plan=plan$me
[ -e "$plan" ] || plan=plan
where="$JSR_PROCESS of $JSR_PROCESSES at $JSR_COORDINATOR"
[ -z "$me" ] || echo "$where" $JAX_LOCAL_DEVICE_IDS >> "where$me"
printf '%s\\n' "$@" -- >> "calls$me"
n=$(grep -c '^--$' "calls$me")
do=$(sed -n "${n}p" "$plan")
case $do in
  wait)
    trap 'echo saved >> "calls$me"; exit 0' TERM
    trap 'echo saved >> "calls$me"; exit 130' INT
    echo > "ready$me"
    for _ in {1..1000}; do sleep 0.02; done ;;
  die)
    # Not before those that wait are there: who never came would wait the next time.
    others=$((JSR_PROCESSES - $(ls plan.* | wc -l)))
    for _ in {1..500}; do
      [ "$(ls ready.* 2> /dev/null | wc -l)" -ge "$others" ] && break
      sleep 0.02
    done
    kill -KILL $$ ;;
  *) exit "$do" ;;
esac
"""
# Options before the command are srun's own.
SRUN = """#!/usr/bin/env bash
while [[ $1 == -* ]]; do shift; done
for ((i = 1; i < ${SLURM_JOB_NUM_NODES:-1}; i++)); do SLURM_PROCID=$i "$@" & done
SLURM_PROCID=0 exec "$@"
"""
SCONTROL = """#!/usr/bin/env bash
case $1 in
  show) printf '%s\\n' node7 node8 ;;
  *) echo "$@" >> requeued ;;
esac
"""


@pytest.fixture
def start(tmp_path):
  def go(plan, arguments=ARGUMENTS, script='local.sh', **environment):
    (tmp_path / 'bin').mkdir(exist_ok=True)
    (tmp_path / 'plan').write_text('\n'.join(map(str, plan)) + '\n')
    fakes = {
      'jsr': FAKE,
      'srun': SRUN,
      'scontrol': SCONTROL,
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
        'GRACE': '0',
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


def calls(folder, name='calls'):
  return (folder / name).read_text().split('--\n')[:-1]


def wait_for(path):
  deadline = time.monotonic() + 30
  while not path.exists():
    assert time.monotonic() < deadline
    time.sleep(0.01)


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda p: p.name)
def test_syntax(script):
  subprocess.run(['bash', '-n', script], check=True)
  assert script.stat().st_mode & 0o111 or script.suffix == '.sbatch'


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda p: p.name)
def test_shellcheck(script):
  command = [pathlib.Path(sys.executable).parent / 'shellcheck', script]
  done = subprocess.run(command, capture_output=True, text=True)
  assert done.returncode == 0, done.stdout


def test_all_launchers_are_here():
  assert [p.name for p in LAUNCHERS] == ['local.sh', 'slurm.sbatch', 'zoo.sh']


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
  assert 'launch/local.sh [-n N] CONFIG WORKDIR' in err
  assert not (tmp_path / 'calls').exists()


@pytest.mark.parametrize('wrong', ['0', 'x', '-1', ''])
def test_a_number_of_processes_that_is_none(start, tmp_path, wrong):
  status, err = finish(start([0], arguments=['-n', wrong, *ARGUMENTS]))
  assert status == 2
  assert 'launch/local.sh [-n N]' in err
  assert not (tmp_path / 'calls').exists()


def test_n_processes(start, tmp_path):
  assert finish(start([0], arguments=['-n', '3', *ARGUMENTS])) == (0, '')
  places = [(tmp_path / f'where.{i}').read_text().split() for i in range(3)]
  assert [place[:4] for place in places] == [
    [str(i), 'of', '3', 'at'] for i in range(3)
  ]
  (coordinator,) = {place[4] for place in places}
  assert coordinator.startswith('localhost:')
  assert [len(calls(tmp_path, f'calls.{i}')) for i in range(3)] == [1, 1, 1]
  assert not (tmp_path / 'calls').exists()


def test_when_one_process_dies_all_start_again(start, tmp_path):
  (tmp_path / 'plan.1').write_text('die\n0\n')
  status, err = finish(start(['wait', 0], arguments=['-n', '2', *ARGUMENTS]))
  assert status == 0
  assert 'ended with status 137, restart 1\n' in err
  assert [len(calls(tmp_path, f'calls.{i}')) for i in range(2)] == [2, 2]
  assert 'saved' not in (tmp_path / 'calls.0').read_text()  # It could only wait.


@pytest.mark.parametrize('dead', [1, 2])
def test_when_a_signal_kills_of_three(start, tmp_path, dead):
  """Those left are killed as well: deaths that bash tells of by itself."""
  for i in range(dead):
    (tmp_path / f'plan.{i}').write_text('die\n0\n')
  status, err = finish(start(['wait', 0], arguments=['-n', '3', *ARGUMENTS]))
  assert status == 0
  assert 'restart 1\n' in err
  assert [len(calls(tmp_path, f'calls.{i}')) for i in range(3)] == [2, 2, 2]


def test_a_signal_between_two_starts_ends_it(start, tmp_path):
  process = start([1, 0], RESTART_DELAY='3')
  wait_for(tmp_path / 'calls')
  time.sleep(0.5)  # Until it waits.
  process.send_signal(signal.SIGTERM)
  assert finish(process)[0] == 1
  assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize(
  ('cards', 'shares'), [('4,5,6,7', [['0,1'], ['2,3']]), ('', [[], []])]
)
def test_cards_are_shared_out(start, tmp_path, cards, shares):
  environment = {'CUDA_VISIBLE_DEVICES': cards}
  assert finish(start([0], ['-n', '2', *ARGUMENTS], **environment))[0] == 0
  places = [(tmp_path / f'where.{i}').read_text().split() for i in range(2)]
  assert [place[5:] for place in places] == shares


def test_cards_that_cannot_be_shared(start, tmp_path):
  process = start([0], ['-n', '2', *ARGUMENTS], CUDA_VISIBLE_DEVICES='0,1,2')
  status, err = finish(process)
  assert status == 2
  assert '3 GPUs cannot be shared evenly by 2 processes' in err
  assert not (tmp_path / 'calls.0').exists()


def test_a_mistake_that_all_processes_see_is_final(start, tmp_path):
  assert finish(start([2], arguments=['-n', '2', *ARGUMENTS]))[0] == 2
  assert [len(calls(tmp_path, f'calls.{i}')) for i in range(2)] == [1, 1]


def test_a_signal_reaches_all_processes(start, tmp_path):
  process = start(['wait'], arguments=['-n', '2', *ARGUMENTS])
  for i in range(2):
    wait_for(tmp_path / f'ready.{i}')
  process.send_signal(signal.SIGTERM)
  assert finish(process)[0] == 0
  for i in range(2):
    assert (tmp_path / f'calls.{i}').read_text().endswith('--\nsaved\n')


@pytest.mark.parametrize('status', [0, 2, 130])
def test_slurm_ends_as_training_does(start, tmp_path, status):
  assert finish(start([status], script='slurm.sbatch'))[0] == status
  assert not (tmp_path / 'requeued').exists()


def test_slurm_starts_again_after_a_crash(start, tmp_path):
  assert finish(start([1], script='slurm.sbatch'))[0] == 1
  assert (tmp_path / 'requeued').read_text() == 'requeue 77\n'
  (tmp_path / 'requeued').unlink()
  (tmp_path / 'calls').unlink()
  assert finish(start([1], script='slurm.sbatch', SLURM_RESTART_COUNT='10'))[0] == 1
  assert not (tmp_path / 'requeued').exists()


def test_slurm_with_several_nodes(start, tmp_path):
  nodes = {'SLURM_JOB_NUM_NODES': '2', 'SLURM_JOB_NODELIST': 'node[7-8]'}
  assert finish(start([0], script='slurm.sbatch', **nodes))[0] == 0
  for i in range(2):
    wait_for(tmp_path / f'where.{i}')
    assert (tmp_path / f'where.{i}').read_text() == f'{i} of 2 at node7:20077\n'


def test_slurm_requeues_when_time_is_up(start, tmp_path):
  process = start(['wait'], script='slurm.sbatch')
  wait_for(tmp_path / 'ready')
  process.send_signal(signal.SIGTERM)
  assert finish(process)[0] == 0
  assert (tmp_path / 'requeued').read_text() == 'requeue 77\n'


ZOO = ['30', 'pictures', 'out']
IN_ORDER = [
  *('edsr-baseline-x2', 'edsr-baseline-x4', 'srresnet-x4'),
  *('srgan-mse-x4', 'srgan-vgg22-x4', 'srgan-vgg54-x4'),
  *('rrdb-x4', 'esrgan-x4', 'mdsr-x4', 'rrim-init-x4', 'rrim-x4'),
]


def test_zoo_trains_all_in_order(start, tmp_path):
  keys = ['--config.data.batch_size=4']
  status, err = finish(start([0] * 11, [*ZOO, *keys], 'zoo.sh', VGG='v g g.npz'))
  assert status == 0
  assert err.splitlines() == [f'launch/zoo.sh: {name}' for name in IN_ORDER]
  runs = [call.splitlines() for call in calls(tmp_path)]
  assert [run[4] for run in runs] == [f'out/{name}' for name in IN_ORDER]
  for run in runs:
    assert run[:2] == ['train', '--config']
    assert {
      '--config.data.source=pictures',
      '--config.train.max_minutes=30',
      '--config.losses.vgg=v g g.npz',
    } <= {*run}
    assert run[-1] == keys[0]
  # Each starts from what was trained before it.
  firsts = {
    run[4]: word.partition('=')[2]
    for run in runs
    for word in run
    if word.startswith('--config.init_from')
  }
  assert firsts == {
    'out/edsr-baseline-x4': 'out/edsr-baseline-x2',
    **{f'out/srgan-{v}-x4': 'out/srresnet-x4' for v in ('mse', 'vgg22', 'vgg54')},
    'out/esrgan-x4': 'out/rrdb-x4',
    'out/rrim-x4': 'out/rrim-init-x4',
  }


def test_zoo_prints_commands_that_jsr_understands(tmp_path):
  """Each config takes its argument, and each key exists."""
  command = ['bash', LAUNCH / 'zoo.sh', '-n', *ZOO]
  done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
  assert done.returncode == 0, done.stderr
  lines = [line.split() for line in done.stdout.splitlines()]
  assert [line[5] for line in lines] == [f'out/{name}' for name in IN_ORDER]
  for line in lines:
    name, _, arg = line[3].partition(':')
    module = importlib.import_module(name.removesuffix('.py').replace('/', '.'))
    config = module.get_config(arg)
    for word in line[6:]:
      key, _, value = word.removeprefix('--config.').partition('=')
      *parents, last = key.split('.')
      node = config
      for parent in parents:
        node = node[parent]
      assert last in node
      node[last] = type(node[last])(value)
  assert not list(tmp_path.iterdir())


def test_zoo_prints_commands_that_can_be_pasted(tmp_path):
  """A shell reads of them what the launcher would start."""
  words = ['30', 'my pictures', "it's/out"]
  command = ['bash', LAUNCH / 'zoo.sh', '-n', *words, 'srgan-mse-x4']
  key = '--config.init_skip=("tail",)'
  env = {**os.environ, 'VGG': 'v g g.npz'}
  done = subprocess.run([*command, key], capture_output=True, text=True, env=env)
  assert done.returncode == 0, done.stderr
  assert shlex.split(done.stdout)[4:] == [
    '--workdir',
    "it's/out/srgan-mse-x4",
    '--config.data.source=my pictures',
    '--config.train.max_minutes=30',
    "--config.init_from=it's/out/srresnet-x4",
    '--config.losses.vgg=v g g.npz',
    key,
  ]
  # Nothing is quoted that needs it not: a document prints these lines.
  plain = subprocess.run(
    ['bash', LAUNCH / 'zoo.sh', '-n', 'MINUTES', 'DATA', 'OUT', 'edsr-baseline-x4'],
    capture_output=True,
    text=True,
  )
  assert plain.stdout == (
    'jsr train --config configs/edsr.py:baseline,x4,from-x2 --workdir'
    ' OUT/edsr-baseline-x4 --config.data.source=DATA --config.train.max_minutes=MINUTES'
    ' --config.init_from=OUT/edsr-baseline-x2\n'
  )


def test_zoo_goes_on_after_a_network_that_fails(start, tmp_path):
  names = ['rrdb-x4', 'mdsr-x4']
  status, err = finish(start([2, 0], [*ZOO, *names], 'zoo.sh'))
  assert status == 2
  assert 'launch/zoo.sh: rrdb-x4 ended with status 2\n' in err
  assert len(calls(tmp_path)) == 2


@pytest.mark.parametrize(
  ('number', 'status'), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
def test_a_signal_ends_the_zoo(start, tmp_path, number, status):
  process = start(['wait', 0], ZOO, 'zoo.sh')
  wait_for(tmp_path / 'ready')
  process.send_signal(number)
  assert finish(process)[0] == status
  assert (tmp_path / 'calls').read_text().endswith('--\nsaved\n')
  assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize(
  ('arguments', 'words'),
  [
    (ZOO[:2], 'launch/zoo.sh [-n] MINUTES DATA OUT'),
    (['soon', *ZOO[1:]], 'launch/zoo.sh [-n] MINUTES DATA OUT'),
    ([*ZOO, '--batch=4'], 'launch/zoo.sh [-n] MINUTES DATA OUT'),
    ([*ZOO, 'edsr'], "there is no network 'edsr'; choose among: edsr-baseline-x2"),
  ],
)
def test_mistakes_of_the_zoo(start, tmp_path, arguments, words):
  status, err = finish(start([0], arguments, 'zoo.sh'))
  assert status == 2
  assert words in err
  assert not (tmp_path / 'calls').exists()


def test_kubernetes_file():
  """Against the fields of JobSet and of pods, so that a misspelt one is found."""
  job = yaml.safe_load((LAUNCH / 'k8s-jobset.yaml').read_text())
  schema = json.loads(
    (pathlib.Path(__file__).parent / 'jobset_schema.json').read_text()
  )
  jsonschema.Draft202012Validator.check_schema(schema)
  jsonschema.validate(job, schema)
  spec = job['spec']['replicatedJobs'][0]['template']['spec']
  pod = spec['template']['spec']
  (container,) = pod['containers']
  environment = {e['name']: e.get('value') for e in container['env']}
  assert set(environment) == {*hosts.VARIABLES, 'JSR_SIGNAL_STATUS'}
  # Neither the end of the run nor a mistake.
  assert environment['JSR_SIGNAL_STATUS'] == '75'
  assert int(environment['JSR_PROCESSES']) == spec['completions'] == spec['parallelism']
  # Process 0 under the name that JobSet gives it: jobset-job-replica-pod.jobset.
  name, job_name = job['metadata']['name'], job['spec']['replicatedJobs'][0]['name']
  port = container['ports'][0]['containerPort']
  assert environment['JSR_COORDINATOR'] == f'{name}-{job_name}-0-0.{name}:{port}'
  assert container['command'][:2] == ['jsr', 'train']
  assert {m['name'] for m in container['volumeMounts']} <= {
    v['name'] for v in pod['volumes']
  }
  for where, key in (
    (('spec', 'failurePolicy'), 'maxRestart'),
    (('spec', 'replicatedJobs', 0, 'template', 'spec'), 'completion'),
    ((), 'specs'),
  ):
    wrong = copy.deepcopy(job)
    node = wrong
    for step in where:
      node = node[step]
    node[key] = 1
    with pytest.raises(jsonschema.ValidationError, match=key):
      jsonschema.validate(wrong, schema)
