"""A video file before anything is made of it: what is in it, and its frames in turn."""

import dataclasses
import pathlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np

from jsr.data import images
from jsr.upscale import yuv

# Seconds by which a whole file may fall short of the duration in its header.
SLACK = 1.0
# What FFmpeg raises for damaged files, and what else comes out of its wrapper.
ERRORS = (av.FFmpegError, ValueError, LookupError)


@dataclasses.dataclass(frozen=True)
class Clip:
  """What is known of a video.

  Attributes:
    path: The file.
    index: Of the video stream that is enlarged.
    width: Of a frame as stored, before `turns`.
    height: The same.
    frames: How many there are, for a progress bar; field pictures count twice.
    time_base: Seconds of a tick of the timestamps.
    rate: Mean frames a second.
    aspect: Of a pixel, width to height.
    matrix: The nine numbers of the display matrix, or None.
    turns: Quarter turns anticlockwise that bring a frame upright.
    color: See there.
    start: Ticks (of `time_base`) to take off every timestamp: recordings of broadcasts
      start anywhere.
    end: When the last frame ends, in ticks, where the file says so.
    notes: What cannot be kept.
  """

  path: pathlib.Path
  index: int
  width: int
  height: int
  frames: int
  time_base: Fraction
  rate: Fraction
  aspect: Fraction | None
  matrix: tuple[int, ...] | None
  turns: int
  color: yuv.Color
  start: int
  end: int | None
  notes: tuple[str, ...]


def probe(path: pathlib.Path, *, max_pixels: int) -> Clip:
  """Reads through a video without decoding more than a frame.

  Args:
    path: The file.
    max_pixels: The most that a frame may have.

  Raises:
    BadImage: Not a video, broken, cut off, or frames too large.
  """
  try:
    with av.open(str(path)) as container:
      stream = _stream(container)
      if stream.width * stream.height > max_pixels:
        raise images.BadImage(
          f'{stream.width}x{stream.height} is more than {max_pixels} pixels'
        )
      count = _scan(container, stream)
    with av.open(str(path)) as container:
      stream = _stream(container)
      first = next(iter(_decode(container, stream)), None)
      if first is None:
        raise images.BadImage('no frame of it could be decoded')
      return _describe(path, container, stream, first, count)
  except FileNotFoundError:
    raise images.BadImage('the file does not exist') from None
  except (OSError, *ERRORS) as error:
    raise images.BadImage(f'not a video that can be read: {_reason(error)}') from error


def frames(clip: Clip) -> Iterator[tuple[int, int, np.ndarray]]:
  """Decodes a video, one frame in memory at a time.

  Yields:
    (timestamp in ticks, strictly rising; duration in ticks or 0; (h, w, 3) RGB,
    upright, uint16 if the source has more than 8 bits, else uint8).

  Raises:
    BadImage: A frame is damaged.
  """
  last = None
  tick = max(1, round(1 / (clip.rate * clip.time_base)))
  try:
    with av.open(str(clip.path)) as container:
      stream = _stream(container)
      stream.thread_type = 'AUTO'
      for frame in _decode(container, stream):
        if (frame.width, frame.height) != (clip.width, clip.height):
          raise images.BadImage('its frames change their size')
        pts = frame.pts
        if pts is None:
          pts = clip.start if last is None else last + tick
        if last is not None:
          pts = max(pts, last + 1)
        last = pts
        rgb = np.rot90(yuv.to_rgb(frame, clip.color), clip.turns)
        yield pts - clip.start, frame.duration or 0, np.ascontiguousarray(rgb)
  except (OSError, *ERRORS) as error:
    after = 0.0 if last is None else float((last - clip.start) * clip.time_base)
    raise images.BadImage(
      f'damaged after {after:.1f} seconds: {_reason(error)}'
    ) from error


def _stream(container: av.container.InputContainer) -> av.VideoStream:
  cover = av.stream.Disposition.attached_pic
  found = [s for s in container.streams.video if not s.disposition & cover]
  if not found:
    raise images.BadImage('there is no video in it')
  if found[0].codec_context is None or not found[0].width or not found[0].height:
    raise images.BadImage('its kind of video cannot be decoded here')
  return found[0]


def _scan(container: av.container.InputContainer, stream: av.VideoStream) -> int:
  """Counts the frames, and finds files that end early or have holes."""
  count = 0
  start, end = None, 0.0
  for packet in container.demux():
    if packet.size == 0:
      continue
    time = packet.pts if packet.pts is not None else packet.dts
    if packet.is_corrupt:
      raise images.BadImage(f'cut off or damaged after {end:.1f} seconds')
    if packet.stream.index == stream.index:
      count += not packet.is_discard
    if time is not None and packet.time_base:
      seconds = float(time * packet.time_base)
      start = seconds if start is None else min(start, seconds)
      end = max(end, seconds + float((packet.duration or 0) * packet.time_base))
  promised = (container.duration or 0) / av.time_base
  lasts = end - min(start or 0.0, 0.0)
  if container.start_time:
    lasts -= container.start_time / av.time_base
  if lasts < promised - SLACK:
    raise images.BadImage(f'cut off: {lasts:.1f} of {promised:.1f} seconds are there')
  return count


def _decode(
  container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.VideoFrame]:
  """Decodes; what comes before the first whole frame may be undecodable, as when a
  recording starts in the middle of a broadcast."""
  started = False
  for packet in container.demux(stream):
    try:
      decoded = packet.decode()
    except av.InvalidDataError:
      if started:
        raise
      continue
    for frame in decoded:
      started = True
      yield frame


def _describe(
  path: pathlib.Path,
  container: av.container.InputContainer,
  stream: av.VideoStream,
  first: av.VideoFrame,
  count: int,
) -> Clip:
  time_base = stream.time_base or Fraction(1, 1000)
  notes = []
  if any(part.bits > 8 for part in first.format.components):
    notes.append('more than 8 bits a sample become 8')
  if len(first.format.components) == 4 and first.format.name != 'cmyk':
    notes.append('transparency is dropped')
  if first.interlaced_frame:
    notes.append('interlaced: its combs are enlarged with it')
  others = [s for s in container.streams.video if s.index != stream.index]
  if others:
    notes.append('only the first video stream is kept')
  matrix = _matrix(first)
  broadcast = {'mpegts', 'mpeg', 'vob'} & {*container.format.name.split(',')}
  start = round(
    Fraction((container.start_time or 0) if broadcast else 0, av.time_base) / time_base
  )
  end = None
  if stream.duration is not None:
    end = (stream.start_time or 0) + stream.duration - start
  return Clip(
    path=path,
    index=stream.index,
    width=first.width,
    height=first.height,
    frames=count,
    time_base=time_base,
    rate=stream.average_rate or stream.guessed_rate or Fraction(25),
    aspect=stream.codec_context.sample_aspect_ratio,
    matrix=matrix,
    turns=round(first.rotation / 90) % 4 if matrix else 0,
    color=yuv.of(first),
    start=start,
    end=end,
    notes=tuple(notes),
  )


def _matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
  data: Any = frame.side_data.get('DISPLAYMATRIX')
  if data is None:
    return None
  return tuple(int(v) for v in np.frombuffer(bytes(data), np.int32)[:9])


def _reason(error: Exception) -> str:
  """Says what FFmpeg found, without the number and the name of its function."""
  text = getattr(error, 'strerror', None) or str(error) or type(error).__name__
  return text.splitlines()[0].lower()
