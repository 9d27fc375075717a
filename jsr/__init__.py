"""jsr: super-resolution as pure JAX functions."""

from typing import Any

__version__ = '0.1.0'
__all__ = ['load']


def load(name: str = 'compact', **options: Any) -> Any:
  """Loads a model that enlarges pictures.

  Args:
    name: A model that comes with jsr, a family of them such as 'compact', a workdir, a
      model file, or 'bicubic' and the like.
    options: See `jsr.upscale.upscaler.Options`: scale, strength, self_ensemble, ...

  Returns:
    A `jsr.upscale.upscaler.Upscaler`, whose `upscale` takes a path, a Pillow image or
    an array.

  Raises:
    UserError: No such model, or options that contradict each other.
  """
  from jsr.upscale.upscaler import Options, Upscaler

  return Upscaler(name, Options(**options))
