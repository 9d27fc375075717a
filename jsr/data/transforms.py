"""Augmentation that runs inside the compiled step.

Randomness belongs to the example: each has its own key, so a batch comes out the same
however it is cut over devices.
"""

import jax
import jax.numpy as jnp


def dihedral(hr: jax.Array, keys: jax.Array) -> jax.Array:
  """Turns each patch into one of its eight flips and quarter turns, at random.

  Args:
    hr: (N, P, P, C), any dtype and range; square.
    keys: N typed keys, (N,), or legacy ones, (N, 2); one an example.

  Returns:
    As `hr`; each of the eight outcomes has probability 1/8.

  Raises:
    ValueError: The patches are not square or the number of keys differs.
  """
  if hr.ndim != 4 or hr.shape[1] != hr.shape[2]:
    raise ValueError(f'dihedral wants square patches (N, P, P, C), got {hr.shape}')
  if keys.shape[0] != hr.shape[0]:
    raise ValueError(f'{hr.shape[0]} patches, but {keys.shape[0]} keys')
  bits = jax.vmap(lambda key: jax.random.bernoulli(key, shape=(3,)))(keys)
  bits = bits[:, :, None, None, None]
  hr = jnp.where(bits[:, 0], hr[:, ::-1], hr)
  hr = jnp.where(bits[:, 1], hr[:, :, ::-1], hr)
  return jnp.where(bits[:, 2], hr.swapaxes(1, 2), hr)
