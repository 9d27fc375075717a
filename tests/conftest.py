"""Strict switches for every test, and the fixtures that more than one folder uses."""

import contextlib
import functools
import gc
import os
import pathlib
import signal
from importlib import metadata

# Whoever runs tests in the background of a shell lets them ignore Ctrl-C, and all that
# they start; some of them send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
  signal.signal(signal.SIGINT, signal.default_int_handler)

# Before JAX starts: eight virtual devices, so that parallelism is tested anywhere.
# Most of the tests' time is the compiler's. A step of ESRGAN compiles in 6 s of a
# processor in place of 29 without its optimisations, and runs for milliseconds either
# way; JSR_TEST_XLA=default leaves it as users have it. Flags come and go with releases.
QUICK_XLA = ''
if (
  os.environ.get('JSR_TEST_XLA') != 'default' and metadata.version('jax')[:5] == '0.10.'
):
  QUICK_XLA = (
    '--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true'
    ' --xla_cpu_use_fusion_emitters=false'
  )
os.environ['XLA_FLAGS'] = ' '.join(
  [
    os.environ.get('XLA_FLAGS', ''),
    QUICK_XLA,
    '--xla_force_host_platform_device_count=8',
  ]
).strip()
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get('JSR_TEST_CACHE', ROOT / '.pytest_cache' / 'jax'))
# Commands that tests start in processes of their own share the compiled functions.
os.environ['JAX_COMPILATION_CACHE_DIR'] = str(CACHE)
# All of them: a run of a few steps compiles dozens of programs in a moment each.
os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0'

import jax  # noqa: E402  The flags above must come first.
import pytest  # noqa: E402

from jsr.evaluate import network, protocol  # noqa: E402  They import JAX.
from jsr.train import parallel  # noqa: E402

jax.config.update('jax_numpy_rank_promotion', 'raise')


def without_torch() -> dict[str, str]:
  """Environment of a process that trains as users do, who have no PyTorch:
  TensorBoard's writer would load it, half of the time that a process takes to start."""
  path = [str(ROOT / 'tests' / 'no_torch'), os.environ.get('PYTHONPATH', '')]
  return {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, path))}


JIT = jax.jit  # Tests may put `jit_to_run` into its place.


def jit_to_run(function, **how):
  """`jax.jit` of what runs for longer than it compiles: measures of whole photographs,
  and networks on them, take seconds each without the compiler's optimisations, a tenth
  with them."""
  options = {'xla_backend_optimization_level': 1} if QUICK_XLA else None
  return JIT(function, compiler_options=options, **how)


def _score_large_pictures_quickly():
  small = protocol._score
  static = ('plane', 'crop', 'keys', 'grey')
  large = jit_to_run(small.__wrapped__, static_argnames=static)

  def score(sr, hr, **how):
    return (large if sr.shape[1] * sr.shape[2] > 128**2 else small)(sr, hr, **how)

  protocol._score = score


def _enlarge_large_pictures_quickly():
  enlarge, program_to_run = (
    network.Network._enlarge,
    functools.cache(lambda program: jit_to_run(program.__wrapped__)),
  )

  def go(self, x, scale):
    program = self.program(scale)
    if x.shape[0] * x.shape[1] > 96**2:
      self._programs[scale] = program_to_run(program)
    try:
      return enlarge(self, x, scale)
    finally:
      self._programs[scale] = program

  network.Network._enlarge = go


_score_large_pictures_quickly()
_enlarge_large_pictures_quickly()


@pytest.fixture(scope='session')
def shared() -> pathlib.Path:
  """The folder of real images and published weights beside the checkout."""
  path = pathlib.Path(os.environ.get('JSR_SHARED', ROOT.parent / 'shared'))
  if not (path / 'data').is_dir():
    pytest.skip(f'needs the real images and weights in {path}')
  return path


@contextlib.contextmanager
def on_one_device():
  """Lets runs use one of the eight devices: most of what they do is compiling."""
  with pytest.MonkeyPatch.context() as patch:
    one = functools.partial(parallel.make, devices=jax.devices()[:1])
    patch.setattr(parallel, 'make', one)
    yield


@pytest.fixture
def one_device():
  """See `on_one_device`."""
  with on_one_device():
    yield


@pytest.fixture(autouse=True, scope='module')
def _no_second_look():
  """What a file's tests leave in JAX's caches is looked through by no later garbage
  collection: there are gigabytes of it in the end, and tracing collects often."""
  yield
  gc.freeze()
