"""Generators, one a file, and discriminators.

A generator is a file of this folder with a class `Generator`:

    class Generator(nn.Module):
      color: ClassVar = 'rgb' or 'y'
      scale: int
      dtype: the dtype of the computation; parameters stay float32
      __call__(lr, *, train=False) -> sr

`lr` is (N, H, W, 3) float in [0, 1], or (N, H, W, 1) for color 'y'; `sr` is float32,
`scale` times as large, in the same range but not clipped. The file is the registry:
`build` imports it by its name.
"""

import dataclasses
import importlib
import inspect
import pathlib
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from jsr import errors


def generator_names() -> list[str]:
  """Returns the names of all generators."""
  folder = pathlib.Path(__file__).parent
  names = sorted(path.stem for path in folder.glob('[a-z]*.py'))
  modules = {name: importlib.import_module(f'{__name__}.{name}') for name in names}
  return [name for name, module in modules.items() if hasattr(module, 'Generator')]


def discriminator_names() -> list[str]:
  """Returns the names of all discriminators."""
  module = importlib.import_module(f'{__name__}.discriminators')
  return sorted(
    name
    for name, value in vars(module).items()
    if inspect.isclass(value)
    and issubclass(value, nn.Module)
    and value.__module__ == module.__name__
    and not name.startswith('_')
  )


def _instance(
  kind: str, name: str, cls: type[nn.Module], args: Mapping[str, Any]
) -> nn.Module:
  known = [f.name for f in dataclasses.fields(cls) if f.name not in ('parent', 'name')]
  for key in args:
    if key not in known:
      raise errors.unknown(f'argument of {kind} {name}:', key, known)
  return cls(**args)


def build(name: str, **args: Any) -> nn.Module:
  """Builds a generator.

  Args:
    name: File name in this folder, such as 'srresnet'.
    **args: Fields of its `Generator`, such as scale, features, dtype.

  Raises:
    UserError: No such generator, or no such field of it.
  """
  if name not in generator_names():
    raise errors.unknown('generator', name, generator_names())
  cls = importlib.import_module(f'{__name__}.{name}').Generator
  return _instance('generator', name, cls, args)


def build_discriminator(name: str, **args: Any) -> nn.Module:
  """Builds a discriminator: a class of `jsr.models.discriminators` by its name.

  Raises:
    UserError: No such discriminator, or no such field of it.
  """
  if name not in discriminator_names():
    raise errors.unknown('discriminator', name, discriminator_names())
  cls = getattr(importlib.import_module(f'{__name__}.discriminators'), name)
  return _instance('discriminator', name, cls, args)


def parameter_count(variables: Mapping[str, Any]) -> int:
  """Counts the trainable numbers in a model's variables."""
  import jax

  return sum(leaf.size for leaf in jax.tree.leaves(variables['params']))
