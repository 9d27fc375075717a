"""The networks that come with jsr: each can be read, and is worth its place."""

import shlex

import numpy as np
import pytest

import jsr
from jsr import models
from jsr.errors import UserError
from jsr.evaluate import benchmark, methods, protocol, sets
from jsr.train import recipe, settings, start
from jsr.upscale import quantize
from jsr.weights import embedded
from tests.conftest import ROOT

NAMES = embedded.names()


# What the list of models promises.
EXPECTED = (
  'compact-x2',
  'compact-x4',
  'compact-x4-gan',
  'edsr-baseline-x2',
  'edsr-baseline-x4',
  'edsr-baseline-x4-gan',
  'espcn-x2',
  'espcn-x3',
  'espcn-x4',
  'mdsr-x4',
  'srcnn-x3',
  'srresnet-x4',
)


def test_all_are_there():
  assert {*EXPECTED} <= {*NAMES}
  assert embedded.family(embedded.DEFAULT).keys() == {2, 4}
  assert {'compact', 'espcn', 'srcnn'} <= {*embedded.families()}


@pytest.mark.parametrize('name', ['compact-x2', 'compact-x4'])
def test_the_default_has_an_8_bit_form(name, monkeypatch, tmp_path):
  monkeypatch.setenv('JSR_CACHE', str(tmp_path))
  network = methods.resolve(name)
  assert len(quantize.find(network, network.scale)) > 100_000


@pytest.mark.parametrize('name', NAMES)
def test_a_card_says_what_it_is(name):
  card = embedded.card(name)
  assert card.startswith(f'# {name}\n')
  for word in (
    'parameters',
    'trained on',
    'licence of the data',
    'recipe',
    'time',
    'jsr train',
    'jsr compare',
  ):
    assert word in card
  network = methods.resolve(name)
  total = sum(np.size(leaf) for leaf in leaves(network.variables['params']))
  assert f'{total:,}' in card


@pytest.mark.parametrize('name', NAMES)
def test_its_commands_are_of_this_network(name, monkeypatch):
  """Each stage's recipe can be built, and the last one's generator is the card's."""
  monkeypatch.chdir(ROOT)
  record = embedded.record(name)
  text = record['command'].replace('\\\n', ' ')
  stages = [shlex.split(line, comments=True) for line in text.splitlines()]
  stages = [words for words in stages if words[:2] == ['jsr', 'train']]
  assert stages
  for words in stages:
    spec = words[words.index('--config') + 1]
    overrides = [word for word in words if word.startswith('--config.')]
    config = settings.load(spec, overrides)
    plan = recipe.make(config)
  assert (config.generator.name, config.scale) == (record['generator'], record['scale'])
  start.check_same(
    plan.generator,
    models.build(record['generator'], scale=record['scale'], **record['args']),
    name,
  )


def leaves(tree):
  return [x for v in tree.values() for x in (leaves(v) if isinstance(v, dict) else [v])]


@pytest.mark.parametrize('name', [n for n in NAMES if not n.endswith('-gan')])
def test_it_beats_bicubic_on_held_out_photographs(name):
  """By half a decibel, on crops; the networks have never seen these pictures."""
  network = methods.resolve(name)
  pictures = sets.open_sets(['photographs'], data=None, lr=None, limit=2)[0]
  pictures = sets.centre_crop(pictures, 128)
  rule = protocol.get('rgb8')
  bicubic, ours = (
    benchmark.measure(m, pictures, network.scale, rule, timed=False)['psnr_y']
    for m in (methods.resolve('bicubic'), network)
  )
  assert ours > bicubic + 0.5


def test_a_name_that_is_not_there():
  with pytest.raises(UserError, match="did you mean 'compact-x4'"):
    embedded.path('compact-x5')


def test_the_partner_is_sharper_and_of_the_same_kind():
  """--strength mixes the two networks' parameters, so they must not be strangers."""
  pictures = sets.open_sets(['photographs'], data=None, lr=None, limit=1)[0]
  hr = sets.centre_crop(pictures, 256).pictures[0].hr
  lr = hr[::4, ::4]
  results = {
    strength: np.asarray(
      jsr.load('compact-x4', strength=strength, engine='jax').upscale(lr), 'f'
    )
    for strength in (0.0, 0.5, 1.0)
  }
  true, middle, sharp = results.values()
  assert 0.5 < np.mean(np.abs(true - sharp)) < 20
  # Half of each is between them, not noise as that of two strangers would be.
  assert (
    np.mean(np.abs(middle - (true + sharp) / 2)) < np.mean(np.abs(true - sharp)) / 2
  )

  def contrast(image):
    return np.abs(np.diff(image, axis=0)).mean()

  assert contrast(true) < contrast(middle) < contrast(sharp)
