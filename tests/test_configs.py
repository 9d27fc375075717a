"""Every config's `:smoke` trains, resumes and evaluates; every argument builds."""

import importlib
import pathlib
import re

import jax
import numpy as np
import pytest

from jsr import cli
from jsr.train import checkpoint, logs, loop, recipe, settings
from tests.conftest import ROOT

CONFIGS = sorted(
  p.stem for p in (ROOT / 'configs').glob('[a-z]*.py') if p.stem not in ('default',)
)
# Beside the plain forms: a discriminator that no other smoke run trains. The other
# arguments are built below, without training.
ALSO = {'rrim': ['inception']}
CASES = [(name, word) for name in CONFIGS for word in ('', *ALSO.get(name, []))]


def spec(name: str, *words: str) -> str:
  return f'{ROOT / "configs" / name}.py:{",".join(w for w in words if w)}'


def arguments(name: str) -> list[str]:
  """The words of 'Arguments:' in a config's docstring."""
  text = importlib.import_module(f'configs.{name}').__doc__ or ''
  part = text.partition('\nArguments:')[2].partition('\n\n')[0]
  return re.findall(r'`([^`]+)`', part)


@pytest.fixture(autouse=True)
def _quick_keys():
  """Keys whose programs compile in a third of the time: smoke needs no good dice."""
  with jax.default_prng_impl('rbg'):
    yield


@pytest.mark.parametrize(('name', 'word'), CASES)
@pytest.mark.usefixtures('one_device')
def test_smoke_trains_resumes_and_evaluates(name, word, tmp_path, capsys):
  workdir = tmp_path / 'run'
  assert 'smoke' in arguments(name)
  config = settings.load(spec(name, word, 'smoke'), ['--config.log.progress=False'])
  assert config.train.max_steps == 6
  config.train.max_minutes = 1e-9  # Over after the first step.
  first = loop.train(config, workdir)
  assert (first['step'], first['skipped']) == (1, 0)
  config.train.max_minutes = 0.0
  second = loop.train(config, workdir)
  assert (second['step'], second['steps_done'], second['skipped']) == (6, 5, 0)
  losses = [r['g/total'] for r in logs.read(workdir / logs.FILE) if 'g/total' in r]
  assert len(losses) >= 3
  assert np.isfinite(losses).all()
  assert (workdir / checkpoint.FOLDER / '6').is_dir()
  scale = str(config.scale)
  args = ['--sets', 'photographs', '--limit', '1', '--scale', scale]
  assert cli.main(['evaluate', '--workdir', str(workdir), *args]) == 0
  table = capsys.readouterr().out
  assert 'bicubic' in table
  assert 'run' in table


@pytest.mark.parametrize('name', CONFIGS)
def test_full_recipe_builds_and_every_argument_is_known(name):
  """Shapes only: the paper's sizes are too large to be trained here."""
  module = importlib.import_module(f'configs.{name}')
  words = [w for w in arguments(name) if w != 'smoke']
  seen = set()  # Many arguments change losses or rates only.
  with pytest.raises(ValueError, match='argument'):
    module.get_config('no-such-word')
  for word in ('', *words):
    config = module.get_config(word)
    config.losses.vgg = 'narrow' if config.losses.perceptual_weight else ''
    plan = recipe.make(config)
    networks = (plan.generator, plan.discriminator, config.data.patch_size)
    if repr(networks) in seen:
      continue
    seen.add(repr(networks))
    shapes = jax.eval_shape(plan.init, jax.random.key(0))
    assert jax.tree.leaves(shapes.generator.variables['params'])


@pytest.mark.parametrize(
  'path', sorted(pathlib.Path(ROOT, 'configs').glob('[a-z]*.py'))
)
def test_docstring_says_what_a_user_needs(path):
  text = importlib.import_module(f'configs.{path.stem}').__doc__ or ''
  wanted = ['Command:'] if path.stem == 'default' else ['Command:', 'Cost:', 'Expect:']
  assert [word for word in wanted if word not in text] == []


@pytest.mark.parametrize(
  'spec',
  [
    'srgan:mse,vgg22',
    'srresnet:x2,x8',
    'srcnn:915,955',
    'srcnn:x2,x3',
    'srcnn:sgd,quick',
    'edsr:full,8',
    'edsr:x2,from-x2',
    'compact:x4,from-x4',
    'compact:gan,from-x4',
    'srnet:32,64',
    'rrim:inception,paper-d',
    'esrgan:unet,pool',
  ],
)
def test_words_that_contradict_each_other(spec):
  name, _, words = spec.partition(':')
  module = importlib.import_module(f'configs.{name}')
  with pytest.raises(ValueError, match=r'excludes|is for'):
    module.get_config(words)
