"""How other programs name and arrange the weights of our networks, one family a file.

A file of this folder with LAYOUTS (and STRANGERS) is found by itself.
"""

import importlib
import pathlib
from types import ModuleType

from jsr.weights.layouts.rules import Layout, Stranger


def _modules() -> list[ModuleType]:
  folder = pathlib.Path(__file__).parent
  names = sorted(path.stem for path in folder.glob('[a-z]*.py'))
  return [importlib.import_module(f'{__name__}.{name}') for name in names]


def layouts() -> list[Layout]:
  """Returns all layouts."""
  return [layout for m in _modules() for layout in getattr(m, 'LAYOUTS', ())]


def strangers() -> list[Stranger]:
  """Returns the networks that are known and are none of ours."""
  return [stranger for m in _modules() for stranger in getattr(m, 'STRANGERS', ())]
