"""Network interpolation: between a network trained for PSNR and one trained with a GAN.

Each parameter becomes (1 - alpha) A + alpha B. It makes sense only where B was
fine-tuned from A: other networks are no neighbours, and what lies between them is
nothing.

Source: Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial
Networks", 2018, section 3.4 (alpha 0.8 there).
"""

import dataclasses
import logging
import pathlib
from typing import Any

import numpy as np

from jsr import errors, models
from jsr.weights import model_file
from jsr.weights.model_file import ModelFile

log = logging.getLogger(__name__)

# How a network computes, not what: these may differ between A and B.
_MANNER = {'parent', 'name', 'dtype', 'axis_name', 'remat', 'unroll'}
# How it was trained: leaves no trace in what it computes.
_MANNER |= {'momentum', 'init_scale'}
# So many differences are told.
_TOLD = 4


def interpolate(a: ModelFile, b: ModelFile, alpha: float) -> ModelFile:
  """Returns the network between two.

  Args:
    a: At alpha 0; the one trained for PSNR.
    b: At alpha 1; the one trained with a GAN, from a.
    alpha: 0 to 1. At the ends the result is a copy, bit for bit.

  Raises:
    UserError: alpha outside, or networks that differ in more than their numbers; the
      first differences are named.
  """
  if not 0 <= alpha <= 1:
    raise errors.UserError(f'alpha {alpha} lies outside of 0 to 1')
  check_alike(a, b)
  first, second = model_file.flatten(a.variables), model_file.flatten(b.variables)
  mixed = {name: _mix(first[name], second[name], alpha) for name in first}
  note = f'{a.generator}, alpha {alpha!r} between [{a.note}] and [{b.note}]'
  return ModelFile(a.generator, a.scale, a.args, model_file.nest(mixed), note)


def _mix(a: np.ndarray, b: np.ndarray, alpha: float) -> np.ndarray:
  # Copies at the ends: 0 * x is not 0 for infinities, and -0 would become 0.
  if alpha == 0 or alpha == 1:
    return np.array(b if alpha else a)
  if not np.issubdtype(a.dtype, np.floating):
    return np.array(a)  # A counter; there is nothing between two of them.
  # In float64: where a and b are equal, float32 would give neighbours of them.
  mixed = (1 - alpha) * np.asarray(a, np.float64) + alpha * np.asarray(b, np.float64)
  return np.asarray(mixed, np.float32)


def check_alike(a: ModelFile, b: ModelFile) -> None:
  """Raises UserError unless two files hold the same network with other numbers."""
  for what in ('generator', 'scale'):
    one, other = getattr(a, what), getattr(b, what)
    if one != other:
      raise errors.UserError(
        f'A and B are different networks: {what} {one} and {other}; only a network and'
        ' one that was trained from it have something in between'
      )
  fields, others = _fields(a), _fields(b)
  differ = [
    f'{key} {value} and {others[key]}'
    for key, value in fields.items()
    if value != others[key]
  ]
  first, second = model_file.flatten(a.variables), model_file.flatten(b.variables)
  differ += [f'{name} only in A' for name in first if name not in second]
  differ += [f'{name} only in B' for name in second if name not in first]
  differ += [
    f'{name} {array.shape} and {second[name].shape}'
    for name, array in first.items()
    if name in second and array.shape != second[name].shape
  ]
  if differ:
    told = '; '.join(differ[:_TOLD])
    more = f'; and {len(differ) - _TOLD} more' if len(differ) > _TOLD else ''
    raise errors.UserError(f'A and B are different networks: {told}{more}')


def _fields(model: ModelFile) -> dict[str, Any]:
  """All fields of the network, with the defaults of those that a file leaves out."""
  built = models.build(model.generator, scale=model.scale, **model.args)
  return {
    field.name: getattr(built, field.name)
    for field in dataclasses.fields(built)
    if field.name not in _MANNER
  }


def warn_of_statistics(model: ModelFile, alpha: float) -> None:
  """Tells the user that batch norm's running statistics are a mixture as well."""
  if model.variables.get('batch_stats') and 0 < alpha < 1:
    log.warning(
      'batch norm: the running statistics are interpolated too, which only comes close'
      ' to what the mixed network would measure'
    )


def default_name(a: pathlib.Path, b: pathlib.Path, alpha: float) -> str:
  """A name that carries alpha in full: 0.8 and 0.85 are two files."""
  return f'{a.stem}_{b.stem}_alpha{alpha!r}{model_file.SUFFIX}'
