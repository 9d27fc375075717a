"""Windows of pictures that are worth a look, and pictures as text for a page.

Pictures are uint8 arrays, (H, W, 3) RGB or (H, W, 1) grey.
"""

import base64
import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, features

# Longest side in pixels.
THUMBNAIL = 480


class Box(NamedTuple):
  """A window of an image, in pixels of the ground truth."""

  left: int
  top: int
  width: int
  height: int

  def cut(self, image: np.ndarray, shrink: int = 1) -> np.ndarray:
    """The window of an image that is `shrink` times smaller."""
    left, top, width, height = (x // shrink for x in self)
    return image[top : top + height, left : left + width]


def pick(
  pictures: Mapping[str, np.ndarray], *, size: int, count: int, align: int = 1
) -> list[Box]:
  """Chooses the windows that tell the most: where the pictures differ most.

  The score of a window is the sum over its pixels of the variance between the pictures;
  where all pictures agree it is the squared gradient. Windows do not overlap.

  Args:
    pictures: Pictures of one scene, (H, W, 3) or (H, W, 1) uint8, of equal size.
    size: Side of a window; an image that is smaller is taken whole.
    count: How many windows at most.
    align: All coordinates are multiples of this (the scale, so that the window exists
      in the small picture too).

  Returns:
    At most `count` windows, the most telling first; the same for the same pictures.
  """
  stack = np.stack([x.mean(axis=-1, dtype=np.float64) for x in pictures.values()])
  height, width = (n // align * align for n in stack.shape[1:])
  box_h, box_w = (max(align, min(size, n) // align * align) for n in (height, width))
  detail = np.var(stack, axis=0)
  if not detail.any():
    down, across = np.gradient(stack[0])
    detail = down**2 + across**2
  total = np.pad(detail[:height, :width], ((1, 0), (1, 0))).cumsum(0).cumsum(1)
  scores = total[box_h:, box_w:] - total[:-box_h, box_w:]
  scores += total[:-box_h, :-box_w] - total[box_h:, :-box_w]
  scores = scores[::align, ::align].copy()
  found: list[Box] = []
  while len(found) < count and np.isfinite(scores).any():
    y, x = map(int, np.unravel_index(np.argmax(scores), scores.shape))
    found.append(Box(x * align, y * align, box_w, box_h))
    rows, columns = box_h // align, box_w // align
    scores[
      max(0, y - rows + 1) : y + rows, max(0, x - columns + 1) : x + columns
    ] = -np.inf
  return found


def to_pil(array: np.ndarray) -> Image.Image:
  """The picture as Pillow knows it."""
  return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def thumbnail(array: np.ndarray) -> str:
  """A small copy as a data: address; good enough to show where the crops lie."""
  image = to_pil(array)
  image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
  webp = features.check('webp')
  return _smallest(image, {'webp' if webp else 'jpeg': {'quality': 80}})


def lossless(array: np.ndarray) -> str:
  """The picture as a data: address, as PNG or as WebP, whichever is smaller."""
  formats: dict[str, dict[str, Any]] = {'png': {'optimize': True}}
  if features.check('webp'):
    formats['webp'] = {'lossless': True}
  return _smallest(to_pil(array), formats)


def _smallest(image: Image.Image, formats: Mapping[str, Mapping[str, Any]]) -> str:
  encoded = {}
  for kind, options in formats.items():
    out = io.BytesIO()
    image.save(out, kind, **options)
    encoded[kind] = out.getvalue()
  kind = min(encoded, key=lambda kind: len(encoded[kind]))
  return f'data:image/{kind};base64,{base64.b64encode(encoded[kind]).decode()}'
