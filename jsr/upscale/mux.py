"""H.264 from frames, and a video file from its packets and the sound of the source."""

import io
import pathlib
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np

from jsr.data import images
from jsr.upscale import clip as clips
from jsr.upscale import segments, yuv
from jsr.upscale.clip import Clip

# FFmpeg's name of the format behind each suffix of a result.
CONTAINERS = {'.mp4': 'mp4', '.m4v': 'mp4', '.mov': 'mov', '.mkv': 'matroska'}
# Written by the muxer itself, and true only of the source.
_OWN = ('major_brand', 'minor_version', 'compatible_brands', 'encoder', 'duration')


def copied(clip: Clip, suffix: str) -> tuple[list[int], tuple[str, ...]]:
  """Tells which streams of the source the result can hold beside its pictures.

  Args:
    clip: The source.
    suffix: Of the result, one of `CONTAINERS`.

  Returns:
    The indices of the sound and subtitles that are copied, and notes of what is not.

  Raises:
    BadImage: The container cannot hold the sound.
  """
  kept, notes = [], []
  with av.open(str(clip.path)) as source:
    for stream in source.streams:
      if stream.type not in ('audio', 'subtitle'):
        continue
      codec = stream.codec_context.name if stream.codec_context else 'unknown'
      with av.open(io.BytesIO(), 'w', format=CONTAINERS[suffix]) as trial:
        try:
          trial.add_stream_from_template(stream, opaque=True)
        except (ValueError, AttributeError):
          if stream.type == 'audio':
            raise images.BadImage(
              f'{suffix} cannot hold its sound ({codec}); use --format mkv'
            ) from None
          notes.append(f'subtitles that {suffix} cannot hold are dropped: {codec}')
          continue
      kept.append(stream.index)
  return kept, tuple(notes)


class Encoder:
  """Encodes frames so that those of another encoder with its settings can follow."""

  def __init__(self, clip: Clip, size: tuple[int, int], crf: int):
    """Starts it.

    Args:
      clip: The source, for times and colours.
      size: (height, width) of the frames, both even.
      crf: x264's constant rate factor, 0 to 51.

    Raises:
      BadImage: H.264 has no such size.
    """
    self._clip = clip
    self._context = av.CodecContext.create('libx264', 'w')
    _configure(self._context, clip, size, crf)
    self._context.flags |= av.codec.context.Flags.global_header
    try:
      self._context.open()
    except clips.ERRORS as error:
      raise images.BadImage(
        f'{size[1]}x{size[0]} is a size that H.264 does not have'
      ) from error
    self._durations: dict[int, int] = {}

  @property
  def extradata(self) -> bytes:
    """The parameter sets that all pieces of a video must share."""
    return bytes(self._context.extradata or b'')

  def encode(self, rgb: np.ndarray, pts: int, duration: int) -> list[segments.Packet]:
    """Takes a frame, uint8 (H, W, 3), and gives what is ready."""
    self._durations[pts] = duration
    frame = yuv.from_rgb(rgb, self._clip.color)
    frame.pts, frame.time_base = pts, self._clip.time_base
    return [self._packet(p) for p in self._context.encode(frame)]

  def flush(self) -> list[segments.Packet]:
    """Gives the rest."""
    return [self._packet(p) for p in self._context.encode(None)]

  def _packet(self, packet: av.Packet) -> segments.Packet:
    pts = packet.pts
    assert pts is not None
    return segments.Packet(
      pts, self._durations.pop(pts), packet.is_keyframe, bytes(packet)
    )


def _configure(
  context: av.VideoCodecContext, clip: Clip, size: tuple[int, int], crf: int
) -> None:
  context.height, context.width = size
  context.pix_fmt = 'yuv420p'
  context.time_base = clip.time_base
  context.framerate = clip.rate
  context.thread_count = 0
  context.bit_rate = 0
  if clip.aspect:
    context.sample_aspect_ratio = clip.aspect
  context.colorspace = clip.color.matrix
  context.color_range = clip.color.range
  context.color_primaries = clip.color.primaries
  context.color_trc = clip.color.transfer
  context.options = {'crf': str(crf), 'preset': 'medium'}


def write(
  path: pathlib.Path,
  suffix: str,
  clip: Clip,
  size: tuple[int, int],
  crf: int,
  folder: segments.Folder,
  count: int,
  kept: Sequence[int],
) -> None:
  """Puts the pieces together, with the sound and subtitles of the source as they are.

  Args:
    path: The file that is made.
    suffix: One of `CONTAINERS`.
    clip: The source.
    size: (height, width) of the frames.
    crf: What the pieces were encoded with.
    folder: The pieces.
    count: How many there are.
    kept: Indices of the source's streams that are copied.

  Raises:
    BadImage: The container refuses a packet.
  """
  options = {} if suffix == '.mkv' else {'movflags': 'faststart'}
  try:
    with (
      av.open(str(clip.path)) as source,
      av.open(str(path), 'w', format=CONTAINERS[suffix], options=options) as out,
    ):
      out.metadata.update(_tags(source.metadata))
      out.set_chapters(source.chapters())
      streams: dict[int, av.stream.Stream] = {}
      for stream in source.streams:
        if stream.index == clip.index:
          made: av.stream.Stream = _add(out, clip, size, crf)
        elif stream.index in kept:
          made = out.add_stream_from_template(stream, opaque=True)
        else:
          continue
        made.metadata.update(_tags(stream.metadata))
        made.disposition = stream.disposition
        streams[stream.index] = made
      pictures = _pictures(clip, folder, count)
      ahead = next(pictures, None)
      for packet in _others(source, clip, kept):
        time = Fraction(packet.dts or 0) * (packet.time_base or Fraction(0))
        while ahead is not None and (ahead.dts or 0) * clip.time_base <= time:
          ahead.stream = streams[clip.index]
          out.mux(ahead)
          ahead = next(pictures, None)
        packet.stream = streams[packet.stream.index]
        out.mux(packet)
      while ahead is not None:
        ahead.stream = streams[clip.index]
        out.mux(ahead)
        ahead = next(pictures, None)
  except clips.ERRORS as error:
    raise images.BadImage(f'cannot be put together: {error}') from error


def _add(
  out: av.container.OutputContainer, clip: Clip, size: tuple[int, int], crf: int
) -> av.VideoStream:
  made = out.add_stream('libx264', rate=clip.rate)
  _configure(made.codec_context, clip, size, crf)
  made.time_base = clip.time_base
  if clip.matrix is not None:
    made.set_display_matrix(_scaled(clip, size))
  return made


def _tags(tags: dict[str, str]) -> dict[str, str]:
  return {k: v for k, v in tags.items() if k.lower() not in _OWN}


def _scaled(clip: Clip, size: tuple[int, int]) -> list[int]:
  """Returns the display matrix; its translation is in pixels, 16 bits of fraction."""
  assert clip.matrix is not None
  matrix = list(clip.matrix)
  matrix[6] = matrix[6] * size[1] // clip.width
  matrix[7] = matrix[7] * size[0] // clip.height
  return matrix


def _others(
  source: av.container.InputContainer, clip: Clip, kept: Sequence[int]
) -> Iterator[av.Packet]:
  if not kept:
    return
  for packet in source.demux([source.streams[i] for i in kept]):
    # The packet that flushes a decoder holds nothing.
    if not packet.size or packet.time_base is None:
      continue
    if packet.dts is None:
      packet.dts = packet.pts
      if packet.dts is None:
        continue
    if clip.start:
      shift = round(clip.start * clip.time_base / packet.time_base)
      packet.dts -= shift
      if packet.pts is not None:
        packet.pts -= shift
    yield packet


def _pictures(clip: Clip, folder: segments.Folder, count: int) -> Iterator[av.Packet]:
  """Yields the packets of all pieces with decoding times that fit together.

  Each encoder counted its own; the times of display, which are those of the source,
  decide: a packet is decoded when the one `delay` places earlier is shown.
  """
  shown = [p[0] for i in range(count) for p in folder.header(i)['packets']]
  order = sorted(shown)
  rank = {pts: place for place, pts in enumerate(order)}
  delay = max((k - rank[pts] for k, pts in enumerate(shown)), default=0)
  ahead = order[min(delay, len(order) - 1)] - order[0]
  for k, piece in enumerate(folder.packets(count)):
    packet = av.Packet(piece.data)
    packet.pts = piece.pts
    packet.dts = order[k - delay] if k >= delay else order[k] - ahead
    place = rank[piece.pts]
    following = order[place + 1] if place + 1 < len(order) else clip.end or 0
    # What decoders say of the last frame may be the duration of another.
    packet.duration = max(following - piece.pts, 0) or piece.duration or _tick(clip)
    packet.time_base = clip.time_base
    packet.is_keyframe = piece.key
    yield packet


def _tick(clip: Clip) -> int:
  return max(1, round(Fraction(1) / (clip.rate * clip.time_base)))
