"""Enlarging a video: frames in a stream, sound as it was, resumable piece by piece.

The result is H.264 in yuv420p, which is what players play, with the timestamps, colour
tags, pixel aspect, rotation, sound, subtitles, chapters and tags of the source. Frames
are enlarged upright and turned back. yuv420p wants even sizes: where the enlarged frame
is odd, its last column or row is repeated once.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import av
import numpy as np

from jsr import __version__
from jsr.data import images
from jsr.upscale import clip as clips
from jsr.upscale import mux, segments

# Frames of a piece: what an interruption costs at most. Each begins with a key frame.
PIECE = 64
# x264's constant rate factor where no quality is asked for: hard to tell from the
# frames themselves.
CRF = 18

Enlarge = Callable[[np.ndarray], np.ndarray]
Progress = Callable[[int, int, int], None]


@dataclasses.dataclass(frozen=True)
class Done:
  """What became of a video.

  Attributes:
    frames: How many it has.
    resumed: How many of them an earlier run had made.
    size: (height, width) of the source as shown.
    result: The same of the result.
    notes: What could not be kept, in words.
  """

  frames: int
  resumed: int
  size: tuple[int, int]
  result: tuple[int, int]
  notes: tuple[str, ...]


def rate_factor(quality: int | None) -> int:
  """Returns x264's constant rate factor for a quality of 1 to 100; 80 gives `CRF`."""
  return CRF if quality is None else round(12 + 0.3 * (100 - quality))


def upscale(
  path: pathlib.Path,
  target: pathlib.Path,
  enlarge: Enlarge,
  *,
  key: Mapping[str, Any],
  max_pixels: int,
  quality: int | None = None,
  progress: Progress | None = None,
  piece: int = PIECE,
) -> Done:
  """Enlarges a video file.

  Args:
    path: The source.
    target: The result, with a suffix of `mux.CONTAINERS`; its folder exists.
    enlarge: Makes uint8 (H, W, 3) RGB, always of one size, of (h, w, 3) uint8, or
      uint16 where the source has more than 8 bits.
    key: What else the pixels depend on (JSON values): an interrupted run goes on only
      if it is the same.
    max_pixels: The most that a frame of the source may have.
    quality: 1 to 100, see `rate_factor`.
    progress: Gets the frames done, how many of them an earlier run made, and how many
      there are, about.
    piece: Frames that are kept at once.

  Raises:
    BadImage: The source is broken, or cannot be made into such a file.
    UserError: Another process makes the same file.
    OSError: It cannot be written.
  """
  clip = clips.probe(path, max_pixels=max_pixels)
  suffix = target.suffix.lower()
  kept, notes = mux.copied(clip, suffix)
  crf = rate_factor(quality)
  folder = segments.Folder(target)
  versions = {'jsr': __version__, 'av': av.__version__}
  options = {**key, **versions, 'crf': crf, 'piece': piece}
  with folder.opened(segments.identity(path, options)):
    frames, resumed, size = _make(clip, folder, enlarge, crf, piece, progress)
    result = folder.path / f'result{suffix}.tmp'
    pieces = -(-frames // piece)
    mux.write(result, suffix, clip, size, crf, folder, pieces, kept)
    os.replace(result, target)
    header = folder.header(0)
    folder.remove()
  made = tuple(header['size'])
  if made != size:
    notes += ('one column or row is added: H.264 wants even sizes',)
  turned = clip.turns % 2
  shown = (clip.width, clip.height) if turned else (clip.height, clip.width)
  return Done(
    frames=frames,
    resumed=resumed,
    size=shown,
    result=size[::-1] if turned else size,
    notes=clip.notes + notes,
  )


def _make(
  clip: clips.Clip,
  folder: segments.Folder,
  enlarge: Enlarge,
  crf: int,
  piece: int,
  progress: Progress | None,
) -> tuple[int, int, tuple[int, int]]:
  """Makes the pieces that are missing.

  Returns:
    How many frames there are, how many were there before, and the size of the frames.
  """
  complete = _usable(clip, folder, crf)
  done = resumed = complete * piece
  packets: list[segments.Packet] = []
  encoder, header = None, {}
  if complete:
    header = {k: v for k, v in folder.header(0).items() if k != 'packets'}
  count = 0
  # Also the frames of earlier runs are decoded: it is quick, and exact in every format.
  for count, (pts, duration, rgb) in enumerate(clips.frames(clip), 1):
    if count <= resumed:
      continue
    made = np.rot90(enlarge(rgb), -clip.turns)
    padded = np.pad(made, [(0, n % 2) for n in made.shape[:2]] + [(0, 0)], 'edge')
    if encoder is None:
      size = padded.shape[:2]
      encoder = mux.Encoder(clip, size, crf)
      header = {
        'size': list(made.shape[:2]),
        'even': list(size),
        'extradata': encoder.extradata.hex(),
      }
    packets += encoder.encode(padded, pts, duration)
    done += 1
    if progress is not None:
      progress(done, resumed, max(clip.frames, done))
    if done % piece == 0:
      folder.save(done // piece - 1, header, packets + encoder.flush())
      packets, encoder = [], None
  if encoder is not None:
    folder.save(done // piece, header, packets + encoder.flush())
  if count == 0:
    raise images.BadImage('no frame of it could be decoded')
  return count, min(resumed, count), tuple(header['even'])


def _usable(clip: clips.Clip, folder: segments.Folder, crf: int) -> int:
  """Returns how many pieces of an earlier run go together with what is made now."""
  complete = folder.complete()
  if not complete:
    return 0
  header = folder.header(0)
  encoder = mux.Encoder(clip, tuple(header['even']), crf)
  if encoder.extradata.hex() != header['extradata']:
    folder.clear()
    return 0
  return complete
