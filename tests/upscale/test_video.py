"""Videos: every frame, its time, and the sound as it was."""

import fractions
import itertools
import os
import pathlib
import re

import numpy as np
import pytest

from jsr.data import images as image_files
from jsr.errors import UserError
from jsr.upscale import clip as clips
from jsr.upscale import files, mux, segments, upscaler, video, yuv
from tests import images

av = pytest.importorskip('av')
Fraction = fractions.Fraction
RATE = Fraction(30000, 1001)
TICKS = Fraction(1, 30000)


KEYWORDS = dict(video.upscale.__kwdefaults__)


def film(path, count=12, size=(36, 48), *, sound=True, gaps=(1001,), **how):
  """Writes a clip of synthetic frames, with a sine in AAC.

  Args:
    path: The file.
    count: Frames.
    size: (height, width).
    sound: Whether there is any.
    gaps: Ticks between frames, repeated.
    **how: codec, options, pix_fmt, color (tags), aspect, degrees, voice (codec of the
      sound), subtitles (a file), start (seconds), frame (of i: its pixels).
  """
  path.parent.mkdir(parents=True, exist_ok=True)
  frame = how.get('frame') or (lambda i: np.roll(images.smooth(*size), 3 * i, 1))
  start = how.get('start', 0)
  times = np.concatenate([[0], np.cumsum(np.resize(gaps, count))])
  with av.open(str(path), 'w') as out:
    out.metadata['title'] = 'a clip'
    stream = out.add_stream(
      how.get('codec', 'libx264'), rate=RATE, options=how.get('options', {'crf': '18'})
    )
    stream.height, stream.width = size
    stream.pix_fmt = how.get('pix_fmt', 'yuv420p')
    stream.codec_context.time_base = TICKS
    for name, value in how.get('color', {}).items():
      setattr(stream.codec_context, name, value)
    if 'aspect' in how:
      stream.codec_context.sample_aspect_ratio = how['aspect']
    if 'degrees' in how:
      stream.set_display_rotation(how['degrees'])
    if sound:
      voice = out.add_stream(how.get('voice', 'aac'), rate=44100)
      voice.layout = 'mono'
      voice.metadata['language'] = 'deu'
    if 'subtitles' in how:
      text = out.add_stream_from_template(how['subtitles'].streams[0], opaque=True)
    for i in range(count):
      picture = av.VideoFrame.from_ndarray(frame(i), 'rgb24')
      picture.pts, picture.time_base = int(times[i]) + 30000 * start, TICKS
      out.mux(stream.encode(picture))
    out.mux(stream.encode())
    if sound:
      seconds = float(times[-1] * TICKS)
      wave = np.sin(np.arange(round(44100 * seconds)) / 20).astype(np.float32)
      if how.get('voice', 'aac') in ('pcm_s16le', 'tta'):
        samples, kind = (wave * 30000).astype(np.int16), 's16'
      else:
        samples, kind = wave, 'fltp'
      for at in range(0, len(wave), 1024):
        piece = np.ascontiguousarray(samples[None, at : at + 1024])
        heard = av.AudioFrame.from_ndarray(piece, kind, 'mono')
        heard.sample_rate, heard.pts = 44100, at + 44100 * start
        heard.time_base = Fraction(1, 44100)
        out.mux(voice.encode(heard))
      out.mux(voice.encode())
    if 'subtitles' in how:
      for packet in how['subtitles'].demux():
        if packet.dts is not None:
          packet.stream = text
          out.mux(packet)
  return path


def packets(path, kind):
  """Returns (pts, dts, duration, time base, bytes) of a kind of stream."""
  with av.open(str(path)) as source:
    stream = getattr(source.streams, kind)[0]
    return [
      (p.pts, p.dts, p.duration, p.time_base, bytes(p))
      for p in source.demux(stream)
      if p.size
    ]


def heard(path):
  with av.open(str(path)) as source:
    return np.concatenate([f.to_ndarray()[0] for f in source.decode(audio=0)])


def shown(path):
  """Returns the times, as fractions, and the uint8 RGB frames."""
  with av.open(str(path)) as source:
    frames = list(source.decode(video=0))
    return [f.pts * f.time_base for f in frames], [
      f.reformat(
        format='rgb24',
        src_colorspace={6: 5}.get(f.colorspace, f.colorspace),
        interpolation=yuv.FLAGS,
      ).to_ndarray()
      for f in frames
    ]


def durations(path):
  with av.open(str(path)) as source:
    return source.duration, [s.duration for s in source.streams]


def twice(rgb):
  if rgb.dtype == np.uint16:
    rgb = ((rgb.astype(int) + 128) // 257).astype(np.uint8)
  return rgb.repeat(2, 0).repeat(2, 1)


def make(path, target, enlarge=twice, **options):
  options = {'key': {}, 'max_pixels': 10**6, 'piece': 5, **options}
  return video.upscale(path, target, enlarge, **options)


def names(folder):
  return sorted(p.name for p in folder.iterdir())


def test_five_seconds(tmp_path, capsys):
  """The command as a user runs it; frame count, duration and sound are the source's."""
  source = film(tmp_path / 'in' / 'clip.mp4', 150)
  out = tmp_path / 'out'
  settings = files.Settings(report=tmp_path / 'r.json')
  options = upscaler.Options(scale=2)
  run = files.run(
    [str(source)], out, model='nearest', options=options, settings=settings, show=True
  )
  assert run == 0
  target = out / 'clip.mp4'
  assert names(out) == ['clip.mp4']
  told = capsys.readouterr()
  assert told.out == f'{source} (48x36) -> {target} (96x72): 150 frames\n'
  assert re.search(r'frame \d+/150, [\d.]+ frames/s', told.err)
  times, pixels = shown(target)
  assert len(times) == 150
  assert times == shown(source)[0]
  assert durations(target) == durations(source)
  assert durations(target)[0] == pytest.approx(5.005e6, abs=100)
  assert packets(target, 'audio') == packets(source, 'audio')
  assert len(packets(source, 'audio')) == 217
  np.testing.assert_array_equal(heard(target), heard(source))
  wanted = [twice(small).astype(float) for small in shown(source)[1]]
  for i, got in enumerate(pixels):
    errors = [abs(got - wanted[j]).mean() for j in (i, (i + 1) % 150)]
    assert errors[0] < 5
    assert errors[0] < errors[1] / 2
  with av.open(str(target)) as made:
    assert made.metadata['title'] == 'a clip'
    assert made.streams.audio[0].metadata['language'] == 'deu'
    stream = made.streams.video[0]
    assert (stream.codec_context.name, stream.pix_fmt) == ('h264', 'yuv420p')
    assert stream.average_rate == RATE


@pytest.mark.parametrize('suffix', ['.mkv', '.mov'])
def test_other_containers(tmp_path, suffix):
  source = film(tmp_path / f'clip{suffix}')
  target = tmp_path / f'out{suffix}'
  make(source, target)
  assert shown(target)[0] == shown(source)[0]
  assert packets(target, 'audio') == packets(source, 'audio')


def test_chapters(tmp_path):
  source = film(tmp_path / 'a.mkv', 5)
  chapter = {'id': 7, 'start': 0, 'end': 90, 'time_base': Fraction(1, 1000)}
  chapter['metadata'] = {'title': 'first'}
  with av.open(str(source)) as a, av.open(str(tmp_path / 'b.mkv'), 'w') as b:
    b.set_chapters([chapter])
    streams = {s.index: b.add_stream_from_template(s, opaque=True) for s in a.streams}
    for packet in a.demux():
      if packet.size:
        packet.stream = streams[packet.stream.index]
        b.mux(packet)
  for suffix in ('.mkv', '.mp4'):
    make(tmp_path / 'b.mkv', tmp_path / f'c{suffix}')
    with av.open(str(tmp_path / f'c{suffix}')) as made:
      (got,) = made.chapters()
    assert got['metadata']['title'] == 'first'
    times = [got[key] * got['time_base'] for key in ('start', 'end')]
    assert times == [0, Fraction(9, 100)]


@pytest.mark.parametrize('gaps', [(1001, 2500, 1001, 40, 9000), (2500, 1001, 1001)])
def test_variable_frame_rate(tmp_path, gaps):
  """Through several pieces, each of which an encoder of its own made."""
  source = film(tmp_path / 'a.mp4', 21, gaps=gaps)
  done = make(source, tmp_path / 'b.mp4')
  assert (done.frames, done.resumed, done.notes) == (21, 0, ())
  times = shown(tmp_path / 'b.mp4')[0]
  assert times == shown(source)[0]
  assert {b - a for a, b in itertools.pairwise(times)} == {gap * TICKS for gap in gaps}
  # What FFmpeg says of the stream depends on the order of decoding.
  assert durations(tmp_path / 'b.mp4')[0] == durations(source)[0]
  assert packets(tmp_path / 'b.mp4', 'audio') == packets(source, 'audio')
  decoded = [p[1] for p in packets(tmp_path / 'b.mp4', 'video')]
  assert decoded == sorted(set(decoded))
  # Each piece begins with a key frame, and the file says so.
  with av.open(str(tmp_path / 'b.mp4')) as made:
    marked = [p.pts for p in made.demux(video=0) if p.size and p.is_keyframe]
  assert marked == [times[i] / TICKS for i in (0, 5, 10, 15, 20)]


def stopping(after):
  """Enlarges so many frames and is then interrupted."""
  count = 0

  def enlarge(rgb):
    nonlocal count
    count += 1
    if count > after:
      raise KeyboardInterrupt
    return twice(rgb)

  return enlarge


def counting():
  seen = []

  def enlarge(rgb):
    seen.append(rgb)
    return twice(rgb)

  return enlarge, seen


def test_an_interrupted_run_goes_on(tmp_path):
  source = film(tmp_path / 'a.mp4', 17)
  target = tmp_path / 'out' / 'a.mp4'
  target.parent.mkdir()
  with pytest.raises(KeyboardInterrupt):
    make(source, target, stopping(3))
  # Not one piece was complete.
  assert names(target.parent) == []
  with pytest.raises(KeyboardInterrupt):
    make(source, target, stopping(12))
  assert names(target.parent) == ['.a.mp4.parts']
  parts = target.parent / '.a.mp4.parts'
  assert names(parts) == ['000000.piece', '000001.piece', 'job.json', 'lock']
  # A piece that was being written does not count, and goes.
  (parts / '000002.piece.tmp').write_bytes(b'half')
  enlarge, seen = counting()
  told = []
  done = make(source, target, enlarge, progress=lambda *n: told.append(n))
  assert (len(seen), done.frames, done.resumed) == (7, 17, 10)
  assert told == [(n, 10, 17) for n in range(11, 18)]
  assert names(target.parent) == ['a.mp4']
  times, pixels = shown(target)
  assert times == shown(source)[0]
  for got, small in zip(pixels, shown(source)[1], strict=True):
    assert abs(got - twice(small).astype(float)).mean() < 5
  assert packets(target, 'audio') == packets(source, 'audio')


def test_an_interruption_tells_what_is_kept(tmp_path, monkeypatch, capsys):
  source = film(tmp_path / 'a.mp4', 12)
  monkeypatch.setattr(video, 'PIECE', 5)
  monkeypatch.setattr(video.upscale, '__kwdefaults__', KEYWORDS | {'piece': 5})
  rows, count = upscaler.Upscaler.rows, itertools.count(1)

  def stopping_rows(self, *args):
    if next(count) == 8:
      raise KeyboardInterrupt
    return rows(self, *args)

  monkeypatch.setattr(upscaler.Upscaler, 'rows', stopping_rows)
  run = [str(source)], tmp_path / 'b.mkv'
  with pytest.raises(KeyboardInterrupt):
    files.run(*run, model='nearest')
  assert capsys.readouterr().err == (
    f'{source}: 5 frames are kept; the same command goes on from there\n'
  )
  assert files.run(*run, model='nearest') == 0
  assert '12 frames; 5 frames were there' in capsys.readouterr().out


def test_all_pieces_are_there(tmp_path, monkeypatch):
  """Interrupted while the file was put together."""
  source = film(tmp_path / 'a.mp4', 10)
  write = mux.write

  def interrupted(path, *args):
    write(path, *args)
    raise KeyboardInterrupt

  monkeypatch.setattr(mux, 'write', interrupted)
  with pytest.raises(KeyboardInterrupt):
    make(source, tmp_path / 'b.mp4')
  assert not (tmp_path / 'b.mp4').exists()
  monkeypatch.undo()
  enlarge, seen = counting()
  assert make(source, tmp_path / 'b.mp4', enlarge).resumed == 10
  assert seen == []
  assert len(shown(tmp_path / 'b.mp4')[0]) == 10
  assert names(tmp_path) == ['a.mp4', 'b.mp4']


@pytest.mark.parametrize('what', ['key', 'quality', 'input', 'encoder'])
def test_other_work_begins_anew(tmp_path, monkeypatch, what):
  source = film(tmp_path / 'a.mp4', 12)
  with pytest.raises(KeyboardInterrupt):
    make(source, tmp_path / 'b.mp4', stopping(7), key={'scale': (1, 2)})
  enlarge, seen = counting()
  key, quality = {'scale': [1, 2]}, None
  if what == 'key':
    key = {'scale': [1, 3]}
  elif what == 'quality':
    quality = 50
  elif what == 'input':
    film(source, 12, frame=lambda i: np.full((36, 48, 3), 20 * i, np.uint8))
  else:
    monkeypatch.setattr(mux.Encoder, 'extradata', b'of another version')
  done = make(source, tmp_path / 'b.mp4', enlarge, key=key, quality=quality)
  assert (len(seen), done.resumed) == (12, 0)


def test_what_tells_inputs_apart(tmp_path):
  path = tmp_path / 'a'
  found = []
  for content, time in (
    (b'one', 5),
    (b'two', 5),
    (b'one', 6),
    (b'more', 5),
    (b'one', 5),
  ):
    path.write_bytes(content)
    os.utime(path, ns=(time, time))
    found.append(segments.identity(path, {}))
  assert found[0] == found[-1]
  assert all(each != found[0] for each in found[1:-1])


def test_the_same_work_twice_at_once(tmp_path):
  source = film(tmp_path / 'a.mp4')

  def enlarge(rgb):
    with pytest.raises(UserError, match=r'another process is making .*b\.mp4'):
      make(source, tmp_path / 'b.mp4')
    return twice(rgb)

  make(source, tmp_path / 'b.mp4', enlarge)
  assert len(shown(tmp_path / 'b.mp4')[0]) == 12


def test_colors_are_kept(tmp_path, monkeypatch):
  """Flat colours come back within a level or two, and the tags with them."""
  monkeypatch.setattr(video, 'rate_factor', lambda _: 1)
  colors = [(200, 60, 40), (30, 160, 90), (90, 80, 220), (128, 128, 128)]

  def frame(i):
    return np.broadcast_to(np.uint8(colors[i]), (36, 48, 3)).copy()

  for matrix, swscale, extent, primaries, transfer in (
    (1, 1, 1, 1, 1),
    (6, 5, 1, 6, 6),
    (6, 5, 2, 6, 6),
    (9, 9, 1, 9, 16),
  ):
    tags = {
      'colorspace': matrix,
      'color_range': extent,
      'color_primaries': primaries,
      'color_trc': transfer,
    }
    path = tmp_path / f'{matrix}{extent}.mp4'
    with av.open(str(path), 'w') as out:
      stream = out.add_stream('libx264', rate=25, options={'crf': '1'})
      stream.height, stream.width, stream.pix_fmt = 36, 48, 'yuv420p'
      for name, value in tags.items():
        setattr(stream.codec_context, name, value)
      for i in range(4):
        rgb = av.VideoFrame.from_ndarray(frame(i), 'rgb24')
        coded = rgb.reformat(
          format='yuv420p',
          dst_colorspace=swscale,
          src_color_range=2,
          dst_color_range=extent,
          interpolation=yuv.FLAGS,
        )
        coded.pts = i
        out.mux(stream.encode(coded))
      out.mux(stream.encode())
    clip = clips.probe(path, max_pixels=10**6)
    for i, (_, _, got) in enumerate(clips.frames(clip)):
      assert abs(got - frame(i).astype(float)).mean() < 1.5, (tags, i)
    make(path, tmp_path / 'out.mp4')
    with av.open(str(tmp_path / 'out.mp4')) as made:
      context = made.streams.video[0].codec_context
      assert {name: getattr(context, name) for name in tags} == tags
    again = clips.probe(tmp_path / 'out.mp4', max_pixels=10**6)
    assert again.color == clip.color
    for i, (_, _, got) in enumerate(clips.frames(again)):
      assert abs(got - twice(frame(i)).astype(float)).mean() < 1.5, (tags, i)
    (tmp_path / 'out.mp4').unlink()


def test_what_players_take_for_granted_is_written_down(tmp_path):
  """BT.601 below high definition: the result may be larger, and must say so."""
  source = film(tmp_path / 'a.mp4', 2)
  with av.open(str(source)) as opened:
    assert opened.streams.video[0].codec_context.colorspace == 2
  make(source, tmp_path / 'b.mp4')
  with av.open(str(tmp_path / 'b.mp4')) as made:
    assert made.streams.video[0].codec_context.colorspace == 6
  large = film(tmp_path / 'c.mp4', 1, (64, 1280), sound=False)
  assert clips.probe(large, max_pixels=10**6).color.matrix == 1


@pytest.mark.parametrize('degrees', [90, 180, -90])
def test_rotation_is_kept(tmp_path, degrees):
  """Frames are enlarged as they are shown, and stored as they were."""
  source = film(tmp_path / 'a.mp4', 3, degrees=degrees, aspect=Fraction(4, 3))
  stored = shown(source)[1]
  seen = []

  def enlarge(rgb):
    seen.append(rgb)
    return twice(rgb)

  done = make(source, tmp_path / 'b.mp4', enlarge)
  for upright, frame in zip(seen, stored, strict=True):
    turned = np.rot90(frame, degrees // 90)
    assert abs(upright - turned.astype(float)).mean() < 1
  upright = (36, 48) if degrees == 180 else (48, 36)
  assert done.size == upright
  assert done.result == tuple(2 * n for n in upright)
  with av.open(str(tmp_path / 'b.mp4')) as made:
    stream = made.streams.video[0]
    assert (stream.width, stream.height) == (96, 72)
    assert stream.codec_context.sample_aspect_ratio == Fraction(4, 3)
    assert (next(made.decode(video=0)).rotation - degrees) % 360 == 0
  for got, frame in zip(shown(tmp_path / 'b.mp4')[1], stored, strict=True):
    assert abs(got - twice(frame).astype(float)).mean() < 5


def test_odd_sizes(tmp_path):
  """The last column and row are repeated."""

  def enlarge(rgb):
    return rgb.repeat(2, 0).repeat(2, 1)[:71, :95]

  done = make(film(tmp_path / 'a.mp4', 2), tmp_path / 'b.mp4', enlarge, quality=100)
  assert done.result == (72, 96)
  assert done.notes == ('one column or row is added: H.264 wants even sizes',)
  for frame in shown(tmp_path / 'b.mp4')[1]:
    for a, b in ((frame[-1], frame[-2]), (frame[:, -1], frame[:, -2])):
      assert abs(a.astype(float) - b).mean() < 3


def test_quality(tmp_path):
  assert [video.rate_factor(q) for q in (None, 100, 80, 1)] == [18, 12, 18, 42]
  noise = np.random.default_rng(0).integers(0, 256, (4, 36, 48, 3), np.uint8)
  source = film(tmp_path / 'a.mp4', 4, frame=lambda i: noise[i])
  sizes = []
  for quality in (10, 90):
    make(source, tmp_path / f'{quality}.mp4', quality=quality)
    sizes.append((tmp_path / f'{quality}.mp4').stat().st_size)
  assert sizes[0] < sizes[1]


def test_subtitles_and_sound_that_do_not_fit(tmp_path):
  """Sound is never dropped in silence; subtitles are, with a word."""
  text = tmp_path / 't.srt'
  text.write_text('1\n00:00:00,100 --> 00:00:00,300\nhello\n\n')
  with av.open(str(text)) as subtitles:
    source = film(tmp_path / 'a.mkv', subtitles=subtitles)
  make(source, tmp_path / 'b.mkv')
  assert packets(tmp_path / 'b.mkv', 'subtitles') == packets(source, 'subtitles')
  assert packets(source, 'subtitles')[0][-1] == b'hello'
  done = make(source, tmp_path / 'b.mp4')
  assert done.notes == ('subtitles that .mp4 cannot hold are dropped: srt',)
  (tmp_path / 'b.mp4').unlink()
  source = film(tmp_path / 'c.mkv', 2, voice='tta')
  enlarge, seen = counting()
  with pytest.raises(
    image_files.BadImage, match=r'its sound \(tta\); use --format mkv'
  ):
    make(source, tmp_path / 'b.mp4', enlarge)
  assert seen == []
  make(source, tmp_path / 'e.mkv')
  assert packets(tmp_path / 'e.mkv', 'audio') == packets(source, 'audio')


def test_deep_and_silent(tmp_path):
  source = film(tmp_path / 'a.mkv', 3, sound=False, codec='ffv1', pix_fmt='yuv420p10le')
  done = make(source, tmp_path / 'b.mkv')
  assert done.notes == ('more than 8 bits a sample become 8',)
  with av.open(str(tmp_path / 'b.mkv')) as made:
    assert [s.type for s in made.streams] == ['video']
  clip = clips.probe(source, max_pixels=10**6)
  assert {rgb.dtype for _, _, rgb in clips.frames(clip)} == {np.dtype(np.uint16)}
  for got, small in zip(shown(tmp_path / 'b.mkv')[1], shown(source)[1], strict=True):
    assert abs(got - twice(small).astype(float)).mean() < 5


def test_recordings_of_broadcasts(tmp_path):
  """Their clock starts anywhere; the result starts at zero, and sound stays with it."""
  source = film(tmp_path / 'a.ts', 12, start=7)
  with av.open(str(source)) as opened:
    start = Fraction(opened.start_time, av.time_base)
  assert start > 1
  make(source, tmp_path / 'b.mkv')
  millisecond = Fraction(1, 1000)
  for a, b in zip(shown(source)[0], shown(tmp_path / 'b.mkv')[0], strict=True):
    assert abs(a - start - b) <= millisecond
  voices = (packets(path, 'audio') for path in (source, tmp_path / 'b.mkv'))
  for a, b in zip(*voices, strict=True):
    assert abs(a[0] * a[3] - start - b[0] * b[3]) <= millisecond


def cut(path, target, share):
  data = path.read_bytes()
  target.write_bytes(data[: int(len(data) * share)])
  return target


def test_broken_videos_are_refused_in_a_sentence(tmp_path, capsys):
  mkv = film(tmp_path / 'in' / 'a.mkv', 60)
  mp4 = film(tmp_path / 'in' / 'a.mp4', 60)
  voice = tmp_path / 'v.mp4'
  with av.open(str(voice), 'w') as out:
    stream = out.add_stream('aac', rate=44100)
    heard = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), 'fltp', 'mono')
    heard.sample_rate = 44100
    out.mux([*stream.encode(heard), *stream.encode()])
  early = tmp_path / 'early.mp4'
  with (
    av.open(str(mp4)) as a,
    av.open(str(early), 'w', options={'movflags': 'faststart'}) as b,
  ):
    streams = {s.index: b.add_stream_from_template(s, opaque=True) for s in a.streams}
    for packet in a.demux():
      if packet.dts is not None:
        packet.stream = streams[packet.stream.index]
        b.mux(packet)
  (tmp_path / 'empty.mp4').write_bytes(b'')
  (tmp_path / 'text.mkv').write_text('no video\n' * 99)
  cases = {
    tmp_path / 'none.mp4': 'the file does not exist',
    tmp_path / 'empty.mp4': 'not a video that can be read',
    tmp_path / 'text.mkv': 'not a video that can be read',
    cut(mp4, tmp_path / 'no index.mp4', 0.5): 'not a video that can be read',
    cut(early, tmp_path / 'half.mp4', 0.5): 'cut off or damaged after',
    cut(mkv, tmp_path / 'half.mkv', 0.4): 'cut off: 0.',
    voice: 'there is no video in it',
  }
  for path, message in cases.items():
    before = names(tmp_path)
    assert files.run([str(path)], tmp_path / 'out.mkv', model='nearest') == 2
    told = capsys.readouterr().err
    assert told.startswith(f'jsr upscale: {path}: {message}')
    assert told.count('\n') == 1
    assert names(tmp_path) == before
  with pytest.raises(image_files.BadImage, match='48x36 is more than 1000 pixels'):
    clips.probe(mp4, max_pixels=1000)


def test_damage_in_the_middle(tmp_path, monkeypatch):
  """Found only while decoding; what was made of it goes."""
  source = film(tmp_path / 'a.mp4', 12)
  decode = clips._decode

  def damaged(*args):
    for i, frame in enumerate(decode(*args)):
      if i == 8:
        raise av.InvalidDataError(1094995529, 'Invalid data found')
      yield frame

  clip = clips.probe(source, max_pixels=10**6)
  monkeypatch.setattr(clips, '_decode', damaged)
  with pytest.raises(image_files.BadImage, match=r'damaged after 0\.2 seconds'):
    list(clips.frames(clip))
  with pytest.raises(image_files.BadImage, match='damaged'):
    make(source, tmp_path / 'b.mp4')
  assert names(tmp_path) == ['a.mp4']


def test_a_full_disk_leaves_what_is_complete(tmp_path, monkeypatch):
  source = film(tmp_path / 'a.mp4', 12)
  save = segments.Folder.save

  def full(self, index, *args):
    if index == 1:
      raise OSError(28, 'No space left on device')
    save(self, index, *args)

  monkeypatch.setattr(segments.Folder, 'save', full)
  with pytest.raises(OSError, match='No space'):
    make(source, tmp_path / 'b.mp4')
  monkeypatch.undo()
  assert make(source, tmp_path / 'b.mp4').resumed == 5


def test_without_pyav(tmp_path, monkeypatch):
  import builtins

  real = builtins.__import__

  def without(name, *args, **options):
    if name == 'av':
      raise ImportError
    return real(name, *args, **options)

  monkeypatch.setattr(builtins, '__import__', without)
  with pytest.raises(UserError, match=r"needs PyAV: pip install -e '\.\[video\]'"):
    files.run([str(tmp_path / 'a.mp4')], tmp_path / 'out', model='nearest')


def test_too_large_for_h264(tmp_path):
  source = film(tmp_path / 'a.mp4', 1, sound=False)

  def enlarge(rgb):
    return np.zeros((2, 40000, 3), np.uint8)

  with pytest.raises(image_files.BadImage, match=r'a size that H\.264 does not have'):
    make(source, tmp_path / 'b.mp4', enlarge)
  assert names(tmp_path) == ['a.mp4']


def test_containers_agree():
  from jsr.upscale import plan

  assert {f'.{name}' for name in plan.CONTAINERS} == {*mux.CONTAINERS}
  assert pathlib.Path('x').with_suffix('.ts').suffix in plan.VIDEOS
