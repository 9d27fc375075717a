"""A data set that lives in device memory, and batches cut from it inside the step.

The fastest source there is: images are decoded once, and a batch costs one gather on
the device. A set that does not fit is streamed by `pipeline.py` instead.
"""

import concurrent.futures
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tqdm

from jsr.data.sources import ImageSource
from jsr.errors import UserError

GIB = 2**30


class Resident(NamedTuple):
  """All images of a set on one large canvas; a pytree of two arrays.

  One canvas rather than one long string of bytes: a crop is then a single
  two-dimensional slice, and its corner fits 32-bit indices however large the set is.

  Attributes:
    pixels: uint8 (rows, C * columns), C channels interleaved (3 for RGB, more for the
      pairs of `pairs.py`); what no image covers is 0.
    boxes: int32 (images, 4): top, left, height, width of each image, in pixels.
  """

  pixels: jax.Array
  boxes: jax.Array


def load_resident(
  source: ImageSource,
  *,
  max_bytes: int = 8 * GIB,
  place: Callable[[Any], Any] = jax.device_put,
  progress: bool = True,
) -> Resident:
  """Decodes every image of a source once and puts them on a device.

  Args:
    source: The images.
    max_bytes: Refuse sets with more bytes of pixels than this.
    place: Puts a tree of host arrays where it shall live; the default device.
    progress: Shows a bar.

  Returns:
    The images in the order of `source.keys`.

  Raises:
    UserError: The set is larger than `max_bytes`.
  """
  images, total = [], 0
  threads = os.cpu_count() or 1
  with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    bar = tqdm.tqdm(
      total=len(source),
      desc=f'loading {source.name}',
      unit='image',
      disable=None if progress else True,
      leave=False,
    )
    # In groups, so that a set that is too large is refused before all of it is read.
    for start in range(0, len(source), 4 * threads):
      for image in pool.map(
        source.__getitem__, range(start, min(start + 4 * threads, len(source)))
      ):
        images.append(image)
        total += image.nbytes
        bar.update()
      if total > max_bytes:
        bar.close()
        raise UserError(
          f"'{source.name}' has more than {max_bytes / GIB:.3g} GiB of pixels"
          f' ({len(images)} of {len(source)} images have {total / GIB:.3g} GiB) and is'
          ' not kept in memory; stream it with config.data.pipeline=grain, or raise'
          ' config.data.max_gib'
        )
    bar.close()
  boxes, rows, columns = _pack([image.shape[:2] for image in images])
  c = source.channels
  pixels = np.zeros((rows, c * columns), np.uint8)
  for (top, left, height, width), image in zip(boxes, images, strict=True):
    pixels[top : top + height, c * left : c * (left + width)] = image.reshape(
      height, -1
    )
  return Resident(*place((pixels, boxes)))


def sample(
  resident: Resident,
  *,
  seed_key: jax.Array,
  step: jax.Array | int,
  batch_size: int,
  patch_size: int,
  element: str = 'hr',
  channels: int = 3,
) -> dict[str, jax.Array]:
  """Cuts the batch of one step: a pure function of the key and the step.

  Images are visited in shuffled epochs, each once an epoch whatever its size, so a
  pixel of a large image is seen less often than one of a small image. The position of
  the crop is uniform over those inside the image.

  Args:
    resident: No image may be smaller than the patch.
    seed_key: One key for the whole run.
    step: Number of the step from 0; may be traced.
    batch_size: N, static.
    patch_size: P, static.
    element: What the source calls its elements.
    channels: C, the source's.

  Returns:
    `element`: uint8 (N, P, P, C); 'index': int32 (N,), the place in the batch.
  """
  order_key, crop_key = jax.random.fold_in(seed_key, 0), jax.random.fold_in(seed_key, 1)
  index = jnp.arange(batch_size, dtype=jnp.int32)
  images = _visited(order_key, step, batch_size, resident.boxes.shape[0])
  step_key = jax.random.fold_in(crop_key, step)
  keys = jax.vmap(jax.random.fold_in, (None, 0))(step_key, index)

  def cut(key: jax.Array, box: jax.Array) -> jax.Array:
    room = box[2:] - patch_size + 1
    top, left = box[:2] + jax.random.randint(key, (2,), 0, room)
    size = (patch_size, channels * patch_size)
    patch = jax.lax.dynamic_slice(resident.pixels, (top, channels * left), size)
    return patch.reshape(patch_size, patch_size, channels)

  return {element: jax.vmap(cut)(keys, resident.boxes[images]), 'index': index}


def _visited(
  key: jax.Array, step: jax.Array | int, batch_size: int, count: int
) -> jax.Array:
  """Returns which image each example shows, int32 (batch_size,)."""
  # Example i of step s is visit s * batch_size + i; that number may not fit 32 bits,
  # so whole multiples of `count` steps, which are whole epochs, are split off first.
  whole, rest = jnp.divmod(jnp.asarray(step, jnp.int32), count)
  visits = rest * batch_size + jnp.arange(batch_size, dtype=jnp.int32)
  first = rest * batch_size // count
  touched = (batch_size + count - 2) // count + 1  # Epochs a batch can reach into.
  epochs = whole * batch_size + first + jnp.arange(touched, dtype=jnp.int32)
  keys = jax.vmap(jax.random.fold_in, (None, 0))(key, epochs)
  orders = jax.vmap(lambda k: jax.random.permutation(k, count))(keys)
  return orders[visits // count - first, visits % count]


def _pack(sizes: Sequence[tuple[int, int]]) -> tuple[np.ndarray, int, int]:
  """Places rectangles (height, width) on shelves of a roughly square canvas.

  Returns:
    int32 (images, 4) boxes, and the rows and columns of the canvas.
  """
  area = sum(height * width for height, width in sizes)
  columns = max(math.isqrt(area), *(width for _, width in sizes))
  boxes = np.zeros((len(sizes), 4), np.int32)
  top = left = shelf = 0
  # Tallest first: neighbours on a shelf then differ little in height.
  for place in sorted(range(len(sizes)), key=lambda place: -sizes[place][0]):
    height, width = sizes[place]
    if left + width > columns:
      top, left, shelf = top + shelf, 0, 0
    boxes[place] = top, left, height, width
    left, shelf = left + width, max(shelf, height)
  return boxes, top + shelf, columns
