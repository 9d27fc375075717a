"""The Taguchi study, with trainings that only pretend: runs, verdicts, the report."""

import json

import numpy as np
import pytest

from jsr import cli
from jsr.evaluate import sets
from jsr.experiments.doe import together
from jsr.experiments.studies import taguchi
from jsr.experiments.studies.taguchi import runs
from tests.conftest import ROOT

CONFIG = f'{ROOT}/configs/studies/taguchi.py'


class World:
  """Settings have losses that are known; the network's variables are their names."""

  def __init__(self, loss):
    self.loss, self.trained, self.programs = loss, [], 0

  def group(self, configs, data, among=()):
    del data, among
    self.programs += 1
    return _Group(self, configs)

  def judge(self, config, variables):
    del variables
    rule, args = config.optim.generator, config.generator.args
    loss = self.loss(rule.learning_rate, rule.name, args.activation, args.features)
    loss *= 1 + 0.02 * np.sin(7 * config.seed + args.features)
    return {'accuracy': 1 - loss, 'loss': loss, 'psnr_y': -20 * np.log10(loss)}


class _Group:
  def __init__(self, world, configs):
    self.world, self.configs = world, configs

  def __len__(self):
    return len(self.configs)

  def train(self, *, vmapped):
    assert not vmapped
    for i, config in enumerate(self.configs):
      self.world.trained.append(config.optim.generator.learning_rate)
      yield i, together.Trained({}, np.linspace(0.3, 0.1, 7), 0, 1.5)


@pytest.fixture
def pretend(monkeypatch):
  def make(loss):
    world = World(loss)
    monkeypatch.setattr(runs.together, 'Group', world.group)
    monkeypatch.setattr(runs.together, 'load', lambda _: None)
    monkeypatch.setattr(runs.Judge, '__call__', lambda _, c, v: world.judge(c, v))
    bicubic = {'accuracy': 0.9, 'loss': 0.06, 'psnr_y': 24.0}
    monkeypatch.setattr(runs.Judge, 'bicubic', lambda _: bicubic)
    return world

  return make


def as_printed(rate, optimizer, activation, filters):
  """Adds up in decibels, as the report's main effects do; no run is lost."""
  worse = {0.01: 9.0, 0.001: 0.0, 0.0001: 3.0}[rate]
  worse += {'adagrad': 0.0}.get(optimizer, 1.0) + {8: 0.0}.get(filters, 2.0)
  worse += {'relu': 0.0}.get(activation, 0.5)
  return 0.03 * 10 ** (worse / 20)


def study(tmp_path, *words):
  argv = ['study-taguchi', '--config', f'{CONFIG}:smoke', '-o', str(tmp_path / 'o')]
  assert cli.main([*argv, *words]) == 0
  return json.loads((tmp_path / 'o' / 'results.json').read_text())


def test_a_world_as_the_report_has_it(tmp_path, pretend, capsys):
  world = pretend(as_printed)
  found = study(tmp_path)
  # Nine runs in three programs, the best levels in a fourth; two seeds each.
  assert (len(world.trained), world.programs) == (20, 4)
  verdicts = {c['text']: c['verdict'] for c in found['claims']}
  first = next(text for text in verdicts if 'learning rate matters' in text)
  assert verdicts[first] == 'confirmed'
  added = next(c for c in found['claims'] if 'add up' in c['text'])
  assert added['verdict'] == 'confirmed'
  assert 'inside' in added['reason']
  printed = found['results']['printed']
  np.testing.assert_allclose(printed['loss']['prediction'], 48.225312, atol=6e-7)
  best = found['results']['confirmation']['settings']
  assert (best[:2], best[3]) == ([0.001, 'adagrad'], 8)
  text = (tmp_path / 'o' / 'report.md').read_text()
  assert '| 4 | 0.001, rmsprop, sigmoid, 8 |' in text
  assert '1.446' in text
  assert 'report 000' in text.lower()
  for plot in ('main-effects.svg', 'main-effects-printed.svg'):
    assert (tmp_path / 'o' / plot).is_file()
  # The same command trains nothing again, another length is another study.
  world.trained.clear()
  study(tmp_path)
  assert not world.trained
  capsys.readouterr()
  argv = ['study-taguchi', '--config', f'{CONFIG}:smoke', '-o', str(tmp_path / 'o')]
  assert cli.main([*argv, '--config.steps=4']) == 2
  assert 'another config (steps was 3 and is 4)' in capsys.readouterr().err


def test_a_world_of_its_own(tmp_path, pretend):
  """Filters alone matter, and interact with nothing: the report is contradicted."""

  def loss(rate, optimizer, activation, filters):
    del rate, optimizer, activation
    return {2: 0.02, 4: 0.03, 8: 0.2}[filters]

  pretend(loss)
  verdicts = [c['verdict'] for c in study(tmp_path)['claims']]
  assert verdicts[0] == verdicts[1] == 'not confirmed'


def test_trainings_too_short_decide_nothing(tmp_path, pretend):
  pretend(lambda rate, optimizer, activation, filters: 0.1 * filters / 2)
  claims = study(tmp_path)['claims']
  assert {c['verdict'] for c in claims[:-1]} == {'not decidable at this size'}
  assert 'no run has come below the loss of bicubic' in claims[1]['reason']


def test_an_interaction_is_told(tmp_path, pretend):
  """The best levels together fail, which no main effect knows."""

  def loss(rate, optimizer, activation, filters):
    value = as_printed(rate, optimizer, activation, filters)
    return 8 * value if (rate, optimizer, filters) == (0.001, 'adagrad', 8) else value

  pretend(loss)
  found = study(tmp_path)
  added = next(c for c in found['claims'] if 'add up' in c['text'])
  assert added['verdict'] == 'not confirmed'
  assert 'interact' in added['reason']


def test_the_slide_has_other_levels(tmp_path, pretend):
  config = taguchi.runs.ConfigDict(
    {
      'learning_rate': (1.0,),
      'optimizer': ('a',),
      'activation': ('b',),
      'filters': (1,),
    }
  )
  assert runs.levels(config) == [(1.0,), ('a',), ('b',), (1,)]
  from configs.studies import taguchi as recipe

  slide = recipe.get_config('slide')
  assert slide.optimizer == ('adadelta', 'adam', 'adagrad')
  assert slide.activation == ('tanh', 'elu', 'relu')
  assert recipe.get_config().optimizer[0] == 'rmsprop'
  with pytest.raises(ValueError, match='excludes'):
    recipe.get_config('slide,table')


def test_what_is_measured():
  hr = np.zeros((24, 24, 3), np.uint8)
  hr[..., 1] = 100
  sr = hr.astype(np.float64)
  sr[:12, :, 0] = 151.0
  got = runs._measure(sr, hr)
  assert got['accuracy'] == 0.5
  np.testing.assert_allclose(got['loss'], 151 / 255 / 6)
  assert np.isfinite(got['psnr_y'])


def test_bicubic_is_measured_as_it_is(tmp_path):
  opened = taguchi.Study(
    'taguchi',
    taguchi.runs.ConfigDict({'validation': sets.EMBEDDED, 'validation_size': 64}),
    ROOT,
    tmp_path,
    None,
    None,
  )
  got = runs.Judge(opened).bicubic()
  assert 0.7 < got['accuracy'] < 1
  assert 0 < got['loss'] < 0.1
  assert 20 < got['psnr_y'] < 35
