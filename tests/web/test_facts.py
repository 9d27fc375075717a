"""What the pages tell of systems, papers and pictures is what the repository says."""

import json
import re
import shlex

import jax
import jax.numpy as jnp
import pytest

from tests.conftest import ROOT
from tests.test_readme import rows

pytest.importorskip('django')
pytestmark = pytest.mark.usefixtures('site')


@pytest.fixture(scope='module')
def catalogue(_django):
  from jsr.web.pages.facts import catalogue

  return catalogue


def squeezed(text: str) -> str:
  return re.sub(r'\s+', ' ', text)


def test_every_row_of_the_readme_has_a_card(catalogue):
  told = {system.row for system in catalogue.systems()} - {''}
  assert told == {row['name'] for row in rows()}


def test_cards_name_what_exists(catalogue):
  keys = [system.key for system in catalogue.systems()]
  assert len(keys) == len({*keys})
  readme = {row['name']: row for row in rows()}
  for system in catalogue.systems():
    assert (ROOT / 'jsr' / system.generator).is_file(), system.key
    assert {*system.works} <= {*catalogue.works()}, system.key
    assert str(system.idea).endswith('.')
    if not system.row:
      continue
    row = readme[system.row]
    assert f'jsr/{system.generator}' in row['generator'], system.key
    assert system.discriminator in row['discriminator'], system.key
    if system.config:
      assert f'`{system.config}`' in row['config'] or system.key == 'compact-gan'


# The argument that says how often a network repeats a block; all blocks are alike.
REPEATED = {'edsr': 'blocks', 'mdsr': 'blocks', 'rrdb': 'blocks', 'srresnet': 'blocks'}
REPEATED['rrim'] = 'modules'


def counted(models, name, args):
  """Parameters of a network; of a deep one from two shallow ones, which is quicker."""
  model = models.build(name, **args)
  repeated = REPEATED.get(name)
  if repeated and getattr(model, repeated) > 2:
    one, two = (counted(models, name, args | {repeated: n}) for n in (1, 2))
    return one + (getattr(model, repeated) - 1) * (two - one)
  lr = jnp.zeros((1, 8, 8, 3 if model.color == 'rgb' else 1))
  shapes = jax.eval_shape(model.init, jax.random.key(0), lr)
  return models.parameter_count(shapes)


def test_parameters_are_those_of_the_networks(catalogue):
  from jsr import models

  known: dict[tuple, int] = {}
  for system in catalogue.systems():
    name = system.generator.removeprefix('models/').removesuffix('.py')
    trained = name in models.generator_names() and bool(system.config)
    assert bool(system.counts) == trained, system.key
    for count in system.counts:
      key = (name, *sorted(count.args.items()))
      if key not in known:
        known[key] = counted(models, name, {'scale': 4} | count.args)
      assert count.parameters == known[key], (system.key, str(count.label))


def test_parameters_of_discriminators(catalogue):
  from jsr import models

  for system in catalogue.systems():
    for count in system.judges:
      args = dict(count.args)
      size = args.pop('size')
      model = models.build_discriminator(system.discriminator, **args)
      image = jnp.zeros((1, size, size, 3))
      shapes = jax.eval_shape(model.init, jax.random.key(0), image)
      assert models.parameter_count(shapes) == count.parameters, system.key
      assert count.label == f'{size} × {size}'


def test_commands_stand_in_their_configs(catalogue):
  for system in catalogue.systems():
    assert bool(system.commands) == bool(system.config), system.key
    for command in system.commands:
      words = shlex.split(command)
      assert words[:3] == ['jsr', 'train', '--config']
      assert words[3].partition(':')[0] == system.config
      config = squeezed((ROOT / system.config).read_text())
      arguments = words[3].partition(':')[2]
      if arguments:
        assert all(
          f'`{a}`' in config or arguments in config for a in arguments.split(',')
        )
      if f':{arguments}' in config or not arguments:
        assert command in config, command


def test_printed_numbers_are_quoted_somewhere(catalogue):
  published = ROOT / 'jsr' / 'experiments' / 'published'
  quoted = ' '.join(path.read_text() for path in published.glob('*.json'))
  weights = (ROOT / 'docs' / 'weights.md').read_text()
  for system in catalogue.systems():
    config = (ROOT / system.config).read_text() if system.config else ''
    for figure in system.printed:
      assert figure.psnr in quoted + config, (system.key, figure.psnr)
    for figure in system.measured:
      assert f'| {figure.psnr} |' in weights, (system.key, figure.psnr)


def test_what_can_be_tried_comes_with_jsr(catalogue):
  from jsr.web.jobs import choices
  from jsr.weights import embedded

  tried = {system.model for system in catalogue.systems()} - {''}
  assert tried == {*choices.models()}
  shipped = {name for system in catalogue.systems() for name in system.shipped}
  assert {*embedded.names()} <= shipped


def test_opinions_are_those_of_the_paper():
  from jsr.web.pages import views

  file = ROOT / 'jsr' / 'experiments' / 'published' / 'report002-benchmark.json'
  quoted = {
    row['method']: row['values']
    for row in json.loads(file.read_text())['quoted']
    if row['set'] == 'Set14' and 'mos' in row['values']
  }
  keys = ('bicubic', 'srresnet', 'srgan', 'hr')
  for key, (_name, psnr, opinion) in zip(keys, views.OPINIONS, strict=True):
    assert quoted[key]['mos'] == opinion
    if psnr != '∞':
      assert quoted[key]['psnr'] == psnr


def test_references_are_those_of_the_sources(catalogue):
  """Every paper of docs/sources.md is on the page, and no anchor is twice."""
  keys = [work.key for *_, works in catalogue.WORKS for work in works]
  assert len(keys) == len({*keys})
  anchors = {key for key, *_ in (*catalogue.SYSTEMS, *catalogue.WORKS)}
  assert not anchors & {*keys}
  sources = (ROOT / 'docs' / 'sources.md').read_text()
  plain = str.maketrans({'“': "'", '”': "'", '’': "'"})
  titles = {work.title.translate(plain).lower() for work in catalogue.works().values()}
  papers = re.findall(r'^\| [^|]*?"(.+?)", \d{4} \|', sources, re.M)
  assert len(papers) > 10
  for paper in papers:
    assert paper.lower() in titles, paper
  for report in re.findall(r'《(.+?)》', sources):
    assert report.lower() in titles, report
  for work in catalogue.works().values():
    assert not work.url or re.fullmatch(r'https://\S+', work.url), work.key


def test_gallery_is_complete_and_small(site):
  from PIL import Image

  from jsr.data import sources
  from jsr.web.pages import gallery

  about = gallery.about()
  names = [each['name'] for each in about['pictures']]
  assert names == list(gallery.CAPTIONS)
  photographs = ' '.join(' '.join(files) for files in sources.PHOTOGRAPHS.values())
  expected = {'gallery.json'}
  for each in about['pictures']:
    assert f'{each["name"]}.' in photographs
    expected |= {f'{each["name"]}-{m}.webp' for m in (*each['psnr_y'], 'original')}
  files = {path.name: path for path in gallery.FOLDER.iterdir()}
  assert {*files} == expected
  assert sum(path.stat().st_size for path in files.values()) < 500_000
  for name, path in files.items():
    if name.endswith('.webp'):
      with Image.open(path) as image:
        assert image.size == (about['width'], about['height'])


def test_our_results_are_those_of_the_cards():
  """The model cards and the tables of the page tell the same numbers."""
  from jsr.evaluate import table
  from jsr.web.pages import files
  from jsr.weights import embedded

  rows_of = {
    (row['method'], row['set'], row['scale']): row
    for path in files.OURS.glob('*.json')
    for row in files.load(path).results['rows']
  }
  for name in embedded.names():
    lines = re.findall(
      r'^\| (\w+) x(\d) \| rgb8 \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$',
      embedded.card(name),
      re.M,
    )
    assert len(lines) == 3 * (3 if name.startswith('mdsr') else 1)
    for dataset, scale, bicubic, psnr, ssim in lines:
      row = rows_of[name, dataset, int(scale)]
      assert table.number(row['psnr_y'], 2) == psnr
      assert table.number(row['ssim_y'], 4) == ssim
      assert bicubic
