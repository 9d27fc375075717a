"""Frames of videos to RGB and back.

FFmpeg's swscale only changes the resolution of chroma here. Its matrices round down at
full range, which shifts colours by up to three levels there and back; these do not.
"""

import dataclasses

import av
import numpy as np
from av.video.reformatter import Interpolation

# Bicubic chroma, rounded well; the default is coarser.
FLAGS = int(
  Interpolation.BICUBIC
  | Interpolation.ACCURATE_RND
  | Interpolation.FULL_CHR_H_INT
  | Interpolation.FULL_CHR_H_INP
)
LIMITED, FULL = 1, 2
_BT709, _BT601 = 1, 6
# The shares of red and blue in luma (ITU-T H.273, table 4), and swscale's number of the
# matrix; by FFmpeg's number.
_MATRICES = {
  1: (0.2126, 0.0722, 1),
  4: (0.30, 0.11, 4),
  5: (0.299, 0.114, 5),
  6: (0.299, 0.114, 5),
  7: (0.212, 0.087, 7),
  9: (0.2627, 0.0593, 9),
}
# Rows that are converted at once, which bounds memory.
_ROWS = 32


@dataclasses.dataclass(frozen=True)
class Color:
  """How the numbers of a frame stand for colours, as FFmpeg numbers it (ITU-T H.273).

  Attributes:
    matrix: From RGB to YUV; never 'unspecified': see `of`.
    range: `LIMITED`: 16 to 235, `FULL`: 0 to 255.
    primaries: As in the file.
    transfer: As in the file.
  """

  matrix: int
  range: int
  primaries: int
  transfer: int


def of(frame: av.VideoFrame) -> Color:
  """Returns what the colours of a frame mean; where it is silent, what players take.

  They take BT.709 for high definition and BT.601 below, by the size of the picture.
  So the result has to say which: it is larger, and they would guess anew.
  """
  matrix = frame.colorspace
  if matrix not in _MATRICES:
    large = frame.height >= 720 or frame.width >= 1280
    matrix = _BT709 if large else _BT601
  full = frame.color_range == FULL or frame.format.name.startswith('yuvj')
  return Color(
    matrix=matrix,
    # RGB becomes YUV of the usual range.
    range=FULL if full and not _is_rgb(frame) else LIMITED,
    primaries=frame.color_primaries,
    transfer=frame.color_trc,
  )


def to_rgb(frame: av.VideoFrame, color: Color) -> np.ndarray:
  """Returns (h, w, 3) RGB: uint8, or uint16 of frames with more than 8 bits."""
  deep = any(part.bits > 8 for part in frame.format.components)
  kind = np.uint16 if deep else np.uint8
  if _is_rgb(frame):
    name = 'rgb48le' if deep else 'rgb24'
    return frame.reformat(format=name, interpolation=FLAGS).to_ndarray()
  full = _reformatted(frame, 'yuv444p16le' if deep else 'yuv444p', color)
  yuv = full.to_ndarray(channel_last=True)
  zero, one = _levels(color, 16 if deep else 8)
  peak = np.iinfo(kind).max
  matrix = np.linalg.inv(_matrix(color)) / one * peak
  return _mapped(yuv, matrix, 0.5 - matrix @ zero, kind)


def from_rgb(rgb: np.ndarray, color: Color) -> av.VideoFrame:
  """Makes a yuv420p frame of uint8 (h, w, 3) RGB, h and w even."""
  zero, one = _levels(color, 8)
  yuv = _mapped(rgb, _matrix(color) * one[:, None] / 255, zero + 0.5, np.uint8)
  planes = np.ascontiguousarray(np.moveaxis(yuv, -1, 0))
  frame = av.VideoFrame.from_ndarray(planes, 'yuv444p')
  frame.colorspace, frame.color_range = color.matrix, color.range
  return _reformatted(frame, 'yuv420p', color)


def _is_rgb(frame: av.VideoFrame) -> bool:
  return frame.format.is_rgb or frame.format.has_palette


def _matrix(color: Color) -> np.ndarray:
  """Returns the matrix from RGB in [0, 1] to Y in [0, 1] and U, V in [-1/2, 1/2]."""
  red, blue, _ = _MATRICES[color.matrix]
  luma = np.array([red, 1 - red - blue, blue])
  u = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
  v = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
  return np.stack([luma, u, v])


def _levels(color: Color, bits: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns the numbers of 0, and the numbers from 0 to 1, of Y, U and V."""
  unit = 2 ** (bits - 8)
  if color.range == FULL:
    return np.array([0.0, 128 * unit, 128 * unit]), np.full(3, 2.0**bits - 1)
  return np.array([16.0, 128, 128]) * unit, np.array([219.0, 224, 224]) * unit


def _mapped(
  x: np.ndarray, matrix: np.ndarray, offset: np.ndarray, kind: type
) -> np.ndarray:
  """Returns floor(matrix @ x + offset) within the range of an unsigned type."""
  result: np.ndarray = np.empty(x.shape, kind)
  matrix, offset = matrix.T.astype(np.float32), offset.astype(np.float32)
  for row in range(0, len(x), _ROWS):
    strip = x[row : row + _ROWS].astype(np.float32) @ matrix
    strip += offset
    result[row : row + _ROWS] = np.clip(strip, 0, np.iinfo(kind).max, out=strip)
  return result


def _reformatted(frame: av.VideoFrame, format: str, color: Color) -> av.VideoFrame:
  """Changes the resolution of chroma, or the depth, and nothing else."""
  number = _MATRICES[color.matrix][2]
  return frame.reformat(
    format=format,
    src_colorspace=number,
    dst_colorspace=number,
    src_color_range=color.range,
    dst_color_range=color.range,
    interpolation=FLAGS,
  )
