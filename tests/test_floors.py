"""The house rules: who may import whom, and words that have one place."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
# The longest matching prefix counts. Floor 0 may also import itself.
FLOORS = {
  'jsr/__init__.py': 0,
  'jsr/types.py': 0,
  'jsr/errors.py': 0,
  'jsr/ops/': 0,
  'jsr/models/': 1,
  'jsr/losses/': 1,
  'jsr/metrics/': 1,
  'jsr/data/': 1,
  'jsr/degradations/': 1,
  'jsr/weights/': 1,
  'jsr/train/state.py': 2,
  'jsr/train/optim.py': 2,
  'jsr/train/branches.py': 2,
  'jsr/train/accumulation.py': 2,
  'jsr/train/steps.py': 2,
  'jsr/train/': 3,
  'jsr/evaluate/': 4,
  'jsr/upscale/': 5,
  'jsr/train/evaluator.py': 5,
  'jsr/train/opening.py': 5,
  'jsr/train/loop.py': 5,
  'jsr/experiments/': 6,
  'jsr/web/': 7,
  'jsr/commands/': 8,
  'jsr/cli.py': 9,
}
# `jsr.load` hands over to the upscaler, which only a call imports.
FACE = 'jsr/__init__.py'
PARALLEL = 'jsr/train/parallel.py'


def files(root):
  return sorted(p.relative_to(root).as_posix() for p in (root / 'jsr').rglob('*.py'))


def floor(file):
  known = [prefix for prefix in FLOORS if file.startswith(prefix)]
  assert known, f'{file} stands on no floor; give it one in FLOORS'
  return FLOORS[max(known, key=len)]


def folder(file):
  """The first folder below jsr: 'jsr/data/builders/x.py' belongs to 'jsr/data'."""
  return '/'.join(file.split('/')[:-1][:2])


def may_import(file, other):
  if floor(other) == floor(file):
    return floor(file) == 0 or folder(other) == folder(file)
  return floor(other) < floor(file)


def module_file(root, name):
  """The file of a module of jsr, or None."""
  path = name.replace('.', '/')
  for candidate in (f'{path}.py', f'{path}/__init__.py'):
    if (root / candidate).is_file():
      return candidate
  return None


def imports(root, file):
  """(line, dotted name) of all imports, wherever they stand."""
  package = file.split('/')[:-1]
  for node in ast.walk(ast.parse((root / file).read_text())):
    if isinstance(node, ast.Import):
      for alias in node.names:
        yield node.lineno, alias.name
    elif isinstance(node, ast.ImportFrom):
      base = package[: len(package) + 1 - node.level] if node.level else []
      stem = '.'.join([*base, *([node.module] if node.module else [])])
      for alias in node.names:
        whole = f'{stem}.{alias.name}'
        yield node.lineno, whole if module_file(root, whole) else stem


def broken_floors(root):
  return [
    f'{file}:{line} imports {name}'
    for file in files(root)
    for line, name in imports(root, file)
    if name.split('.')[0] == 'jsr' and file != FACE
    if (other := module_file(root, name)) is None or not may_import(file, other)
  ]


def tensorflow(root):
  return [
    f'{file}:{line}'
    for file in files(root)
    for line, name in imports(root, file)
    if name.split('.')[0] in ('tensorflow', 'tf_keras', 'keras')
  ]


def words(node):
  """What a node of the syntax tree says, docstrings and comments apart."""
  for field in ('id', 'attr', 'arg', 'name', 'asname'):
    if isinstance(text := getattr(node, field, None), str):
      yield text
  if isinstance(node, ast.ImportFrom) and node.module:
    yield from node.module.split('.')
  # A name in quotes, such as a backend's; prose may mention it.
  if isinstance(node, ast.Constant) and isinstance(node.value, str):
    yield node.value if node.value.isidentifier() else ''


def devices(root):
  found = []
  for file in files(root):
    if file == PARALLEL:
      continue
    for node in ast.walk(ast.parse((root / file).read_text())):
      for text in words(node):
        parts = re.sub(r'([a-z])([A-Z])', r'\1_\2', text).lower()
        if re.search(r'(?:^|[_.])(?:mesh|pmap|shard_map)(?:$|[_.])', parts):
          found.append(f'{file}:{node.lineno} says {text}')
  return found


def hidden_defaults(root):
  """`config.get(key, default)`: configs/default.py is where defaults stand."""
  found = []
  for file in files(root):
    for node in ast.walk(ast.parse((root / file).read_text())):
      if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == 'get'
        and len(node.args) + len(node.keywords) > 1
        and re.search(r'(?<![a-zA-Z])(?:config|cfg|c)\b', ast.unparse(node.func.value))
      ):
        found.append(f'{file}:{node.lineno}')
  return found


def drawers(root):
  return [
    p.relative_to(root).as_posix()
    for p in (root / 'jsr').rglob('*')
    if p.stem in ('utils', 'util', 'misc', 'helpers')
  ]


RULES = [broken_floors, tensorflow, devices, hidden_defaults, drawers]


@pytest.mark.parametrize('rule', RULES)
def test_jsr_keeps(rule):
  assert rule(ROOT) == []


def test_every_floor_exists():
  """A rule about a file that is gone guards nothing."""
  assert [p for p in FLOORS if not (ROOT / p).exists()] == []
  assert (ROOT / PARALLEL).is_file()
  assert len(files(ROOT)) > 50
  # The walk sees imports inside functions and their modules.
  found = [name for _, name in imports(ROOT, 'jsr/commands/train.py')]
  assert 'jsr.train.loop' in found


GOOD = {
  'jsr/__init__.py': '',
  'jsr/errors.py': '',
  'jsr/ops/__init__.py': 'from jsr import errors',
  'jsr/ops/color.py': 'from jsr.ops import resize',
  'jsr/ops/resize.py': 'from jsr.errors import E',
  'jsr/data/__init__.py': '',
  'jsr/data/images.py': 'from jsr.data.builders import a\nfrom ..ops import color',
  'jsr/data/builders/__init__.py': '',
  'jsr/data/builders/a.py': 'import jsr.ops.color',
  'jsr/models/__init__.py': 'from jsr import errors\nimport numpy as np\nnp.meshgrid()',
  'jsr/train/__init__.py': '',
  'jsr/train/state.py': '"""A mesh."""  # pmap\nraise E("no pmap, no mesh")',
  'jsr/train/steps.py': 'from jsr.train import state',
  'jsr/train/parallel.py': 'from jax import shard_map\nmesh = 1',
  'jsr/train/loop.py': 'from jsr.evaluate import sets\nfrom jsr.train import steps',
  'jsr/evaluate/__init__.py': '',
  'jsr/evaluate/sets.py': 'from jsr.train import state\nconfig.get("a"), d.get(1, 2)',
  'jsr/upscale/__init__.py': '',
  'jsr/upscale/upscaler.py': 'def f():\n  from jsr.evaluate import sets',
  'jsr/cli.py': 'from jsr.train import loop\nimport tensorflow_datasets',
}


def tree(root, changes):
  for name, text in {**GOOD, **changes}.items():
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + '\n')
  return root


def test_a_good_house_passes(tmp_path):
  root = tree(tmp_path, {})
  assert {rule.__name__: rule(root) for rule in RULES} == {
    rule.__name__: [] for rule in RULES
  }


@pytest.mark.parametrize(
  ('rule', 'file', 'text'),
  [
    (broken_floors, 'jsr/ops/color.py', 'from jsr.data import images'),
    (broken_floors, 'jsr/ops/color.py', 'from ..data.images import x'),
    (broken_floors, 'jsr/ops/color.py', 'def f():\n  import jsr.cli'),
    (broken_floors, 'jsr/models/__init__.py', 'from jsr.data.images import x'),
    (broken_floors, 'jsr/data/images.py', 'from jsr import models'),
    (broken_floors, 'jsr/data/builders/a.py', 'from ...train import state'),
    (broken_floors, 'jsr/train/state.py', 'from jsr.train import loop'),
    (broken_floors, 'jsr/train/steps.py', 'from jsr.train.parallel import x'),
    (broken_floors, 'jsr/train/parallel.py', 'from jsr.evaluate import sets'),
    (broken_floors, 'jsr/evaluate/sets.py', 'from jsr.train import loop'),
    (broken_floors, 'jsr/upscale/upscaler.py', 'from jsr.train import loop'),
    (broken_floors, 'jsr/train/loop.py', 'from jsr.upscale import upscaler'),
    (broken_floors, 'jsr/upscale/upscaler.py', 'from jsr import cli'),
    (broken_floors, 'jsr/evaluate/sets.py', 'from jsr.nowhere import x'),
    (tensorflow, 'jsr/cli.py', 'def f():\n  import tensorflow as tf'),
    (tensorflow, 'jsr/cli.py', 'from tensorflow.io import gfile'),
    (devices, 'jsr/train/loop.py', 'jax.pmap(f)'),
    (devices, 'jsr/train/loop.py', 'from jax.sharding import Mesh'),
    (devices, 'jsr/train/loop.py', 'jax.make_mesh((1,))'),
    (devices, 'jsr/train/loop.py', 'f(mesh=1)'),
    (devices, 'jsr/train/loop.py', "if c.parallel == 'shard_map': pass"),
    (devices, 'jsr/train/state.py', 'from jax.experimental.shard_map import f'),
    (hidden_defaults, 'jsr/train/loop.py', "self._config.get('seed', 0)"),
    (hidden_defaults, 'jsr/train/loop.py', "config.train.get('a', default=0)"),
    (hidden_defaults, 'jsr/train/loop.py', "c.optim.get('a', 1)"),
    (drawers, 'jsr/data/utils.py', ''),
  ],
)
def test_each_rule_can_fail(tmp_path, rule, file, text):
  assert rule(tree(tmp_path, {file: text})) != []


def test_a_file_on_no_floor_is_found(tmp_path):
  with pytest.raises(AssertionError, match='stands on no floor'):
    broken_floors(tree(tmp_path, {'jsr/attic.py': 'import jsr.errors'}))
