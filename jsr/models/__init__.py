"""Generators, one a file, and discriminators, one kind a file of their folder.

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


def _discriminators() -> dict[str, type[nn.Module]]:
  """All public Flax modules of the files in the folder `discriminators`, by name."""
  folder = pathlib.Path(__file__).parent / 'discriminators'
  found = {}
  for path in sorted(folder.glob('[a-z]*.py')):
    module = importlib.import_module(f'{__name__}.discriminators.{path.stem}')
    for name, value in vars(module).items():
      if (
        inspect.isclass(value)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
        and not name.startswith('_')
      ):
        assert name not in found, f'two discriminators are called {name}'
        found[name] = value
  return found


def discriminator_names() -> list[str]:
  """Returns the names of all discriminators."""
  return sorted(_discriminators())


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
  """Builds a discriminator.

  Args:
    name: Class in a file of the folder `discriminators`, such as 'SRGAN'.
    **args: Its fields.

  Raises:
    UserError: No such discriminator, or no such field of it.
  """
  known = _discriminators()
  if name not in known:
    raise errors.unknown('discriminator', name, known)
  return _instance('discriminator', name, known[name], args)


def parameter_count(variables: Mapping[str, Any]) -> int:
  """Counts the trainable numbers in a model's variables."""
  import jax

  return sum(leaf.size for leaf in jax.tree.leaves(variables['params']))
