"""The trained networks that come with jsr: a model file and a model card each.

The files of this folder, NAME.safetensors and NAME.md, are the list. NAME is
FAMILY-xFACTOR, or FAMILY-xFACTOR-gan for the partner that was trained with a GAN.
"""

import pathlib
import re

from jsr import errors
from jsr.weights.model_file import SUFFIX

FOLDER = pathlib.Path(__file__).parent
# What enlarges where the user names nothing.
DEFAULT = 'compact'
PERCEPTUAL = '-gan'


def names() -> list[str]:
  """Returns the names, sorted."""
  return sorted(path.stem for path in FOLDER.glob(f'*{SUFFIX}'))


def path(name: str) -> pathlib.Path:
  """Returns the model file of a name.

  Raises:
    UserError: No network of that name comes with jsr.
  """
  found = FOLDER / f'{name}{SUFFIX}'
  if name not in names():
    raise errors.unknown('model that comes with jsr:', name, names())
  return found


def card(name: str) -> str:
  """Returns the model card of a name, Markdown.

  Raises:
    UserError: No network of that name comes with jsr.
  """
  return path(name).with_suffix('.md').read_text(encoding='utf-8')


def family(name: str) -> dict[int, str]:
  """Returns {factor: name} of a family such as 'compact'; {} if there is none."""
  members = (re.fullmatch(rf'{re.escape(name)}-x(\d+)', each) for each in names())
  return {int(m[1]): m[0] for m in members if m}


def families() -> list[str]:
  """Returns the names of all families, sorted."""
  found = (re.fullmatch(r'(.+)-x\d+', name) for name in names())
  return sorted({m[1] for m in found if m})


def choose(spec: str, scale: float | None = None) -> str:
  """Resolves a family such as 'compact' to one of its members.

  Args:
    spec: A family; any other name is returned as it is.
    scale: What is wanted; None: 4.

  Returns:
    The member with the smallest factor from `scale`, or else the largest factor.
  """
  members = family(spec)
  if not members:
    return spec
  wanted = 4.0 if scale is None else scale
  enough = [factor for factor in members if factor >= wanted - 1e-9]
  return members[min(enough) if enough else max(members)]


def perceptual(name: str) -> str | None:
  """Returns the name of the GAN-trained partner, or None."""
  partner = name + PERCEPTUAL
  return partner if partner in names() else None
