"""Methods that need no training: nearest, bilinear, and bicubic in two kinds."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jsr.ops import bicubic_cv, resize

# Notes tell apart what would be confused.
NOTES = {'bicubic_cv': 'bicubic of OpenCV (a = -0.75, edge repeated)'}
NAMES = ('nearest', 'bilinear', 'bicubic', 'bicubic_cv')


@functools.partial(jax.jit, static_argnames=('scale', 'name'))
def _matlab(x: jax.Array, *, scale: int, name: str) -> jax.Array:
  if name == 'nearest':
    return resize.nearest(x, scale)
  return resize.resize_uint8(x, scale, kernel=_kernel(name))


def _kernel(name: str) -> resize.Kernel:
  return 'linear' if name == 'bilinear' else 'cubic'


def enlarge(x: np.ndarray, scale: int, name: str = 'bicubic') -> np.ndarray:
  """Enlarges float (h, w, C); float64, neither rounded nor clipped."""
  h, w = x.shape[:2]
  if name == 'nearest':
    return x.repeat(scale, axis=0).repeat(scale, axis=1)
  if name == 'bicubic_cv':
    return bicubic_cv.resize(x, (h * scale, w * scale))
  rows = resize.matrix(h, h * scale, scale, kernel=_kernel(name))
  columns = resize.matrix(w, w * scale, scale, kernel=_kernel(name))
  return np.einsum('oh,pw,hwc->opc', rows, columns, x, optimize=True)


class Interpolation:
  """One of `NAMES`; uint8 is rounded as the program does whose rule it is.

  MATLAB's (bilinear, bicubic) after each pass, OpenCV's (bicubic_cv) once.
  """

  def __init__(self, name: str, label: str):
    if name not in NAMES:
      raise ValueError(f'no interpolation {name}')
    self.label, self.color, self.note = label, 'any', NOTES.get(name, '')
    self.name = name

  def upscale(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `jsr.evaluate.methods.Method`; float64."""
    return enlarge(lr, scale, self.name)

  def upscale_uint8(self, lr: np.ndarray, scale: int) -> np.ndarray:
    """See `jsr.evaluate.methods.Method`."""
    if self.name == 'bicubic_cv':
      return bicubic_cv.resize_uint8(lr, (lr.shape[0] * scale, lr.shape[1] * scale))
    return np.asarray(_matlab(jnp.asarray(lr), scale=scale, name=self.name))
