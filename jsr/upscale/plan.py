"""What is upscaled, and where each result goes; found out before anything is made.

- A folder is searched with all its subfolders for pictures and videos by their suffix,
  and its tree is kept below the output folder. Hidden files and folders are left out,
  and so is the output folder. Links to folders are not followed, so there are no
  loops; naming such a link as an input works.
- A pattern (`*`, `?`, `[...]`, `**` for any depth) that the shell did not expand is
  expanded here; the tree below its part without wildcards is kept.
- A file that is named is tried whatever its suffix; its first bytes tell a video.
- A picture keeps its format where it can be written, else it becomes PNG; so does a GIF
  that does not move. MP4, MOV and MKV stay; other videos become MKV.
"""

import dataclasses
import glob
import os
import pathlib
from collections.abc import Iterator, Sequence

from PIL import Image

from jsr import errors
from jsr.evaluate import output
from jsr.upscale import containers, image_io
from jsr.upscale.containers import CONTAINERS, VIDEOS

# These are more often something else: a pattern has to name them, a folder never does.
_AMBIGUOUS = frozenset({'.ts'})


@dataclasses.dataclass(frozen=True)
class Item:
  """One input.

  Attributes:
    source: The file, or what was named.
    target: The result.
    video: Whether it is a video.
    trust: The trust map, if there is to be one.
    problem: Why there is nothing to do; '' if there is.
  """

  source: pathlib.Path
  target: pathlib.Path = pathlib.Path()
  video: bool = False
  trust: pathlib.Path | None = None
  problem: str = ''


@dataclasses.dataclass(frozen=True)
class _Found:
  path: pathlib.Path
  # Below the output folder.
  place: pathlib.Path = pathlib.Path()
  problem: str = ''


def make(
  inputs: Sequence[str],
  out: pathlib.Path,
  *,
  format: str | None = None,
  trust_map: bool = False,
) -> list[Item]:
  """Plans a batch.

  Args:
    inputs: Files, folders and patterns.
    out: A folder; or a file, if there is one input and the suffix is one that can be
      written.
    format: Of the pictures or of the videos, whichever it is; None: see above.
    trust_map: Whether to plan NAME-trust.png beside each result.

  Raises:
    UserError: Two results with one name, a result that would replace an input, an
      output that cannot be written, or a format that fits no input.
  """
  if format is not None:
    format = _known(format)
  one = _is_file(out, inputs)
  found = list(dict.fromkeys(f for text in inputs for f in _collect(text, out)))
  if one and len(found) > 1:
    raise errors.UserError(
      f'{out} is one file, and there are {len(found)} inputs: name a folder with -o'
    )
  items = [_item(each, out, one, format, trust_map) for each in found]
  _check_kinds(items, out, one, format, trust_map)
  _check_names(items)
  if one:
    output.check_file(out)
  else:
    output.check_folder(out)
  return items


def _known(format: str) -> str:
  name = format.lower().lstrip('.')
  if name in CONTAINERS:
    return name
  names = {s.lstrip('.') for f in image_io.formats() for s in (*f.suffixes, f.name)}
  if name not in {n.lower() for n in names}:
    choices = [f.name.lower() for f in image_io.formats()]
    raise errors.unknown('format', format, (*choices, *CONTAINERS))
  return name


def _is_file(out: pathlib.Path, inputs: Sequence[str]) -> bool:
  """Tells whether the output is meant as a file."""
  suffix = out.suffix.lower()
  if out.is_dir() or suffix not in VIDEOS | image_io.SUFFIXES:
    return False
  if len(inputs) > 1 or pathlib.Path(inputs[0]).is_dir():
    if out.exists():
      return False
    raise errors.UserError(
      f'{out} looks like a file, and there is more than one to write: name a folder'
    )
  if suffix in VIDEOS and suffix.lstrip('.') not in CONTAINERS:
    raise errors.UserError(
      f"{out}: a video cannot be written as '{suffix}': use .mp4, .mov or .mkv"
    )
  if suffix not in VIDEOS:
    image_io.format_of(out)
  return True


def _collect(text: str, out: pathlib.Path) -> Iterator[_Found]:
  path = pathlib.Path(text)
  if path.is_dir():
    if out.is_dir() and out.samefile(path):
      raise errors.UserError(
        f'{out} is also the input, whose next run would upscale the results: give -o'
        ' another folder'
      )
    found = list(_walk(path, path, out))
    yield from found or [_Found(path, problem='no pictures or videos in this folder')]
  elif glob.has_magic(text) and not os.path.lexists(text):
    found = list(dict.fromkeys(_matches(text, out)))
    yield from found or [_Found(path, problem='no picture or video matches')]
  else:
    yield _Found(path, pathlib.Path(path.name))


def _matches(text: str, out: pathlib.Path) -> Iterator[_Found]:
  parts = pathlib.Path(text).parts
  fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
  base = pathlib.Path(*parts[:fixed])
  leave_out = out.resolve()
  # Unlike the module `glob`, this does not follow links to folders into loops.
  for path in sorted(base.glob(str(pathlib.Path(*parts[fixed:])))):
    place = path.relative_to(base)
    if any(part.startswith('.') for part in place.parts):
      continue
    if leave_out in (path.resolve(), *path.resolve().parents):
      continue
    if path.is_dir():
      # The folder's own links are not followed either.
      if not path.is_symlink():
        yield from _walk(path, base, out)
    elif _searched(path) and (text.endswith(path.suffix) or not _ambiguous(path)):
      yield _Found(path, place)


def _walk(
  folder: pathlib.Path, base: pathlib.Path, out: pathlib.Path
) -> Iterator[_Found]:
  problems: list[_Found] = []

  def refused(error: OSError) -> None:
    name = pathlib.Path(error.filename or folder)
    problems.append(_Found(name, problem=f'cannot be read: {error.strerror}'))

  leave_out = out.resolve()
  for root, folders, files in os.walk(folder, onerror=refused):
    here = pathlib.Path(root)
    folders[:] = sorted(
      name
      for name in folders
      if not name.startswith('.') and (here / name).resolve() != leave_out
    )
    for name in sorted(files):
      path = here / name
      if _searched(path) and not _ambiguous(path):
        yield _Found(path, path.relative_to(base))
  yield from problems


def _ambiguous(path: pathlib.Path) -> bool:
  return path.suffix.lower() in _AMBIGUOUS


def _searched(path: pathlib.Path) -> bool:
  known = path.suffix.lower() in VIDEOS | image_io.SUFFIXES
  return known and not path.name.startswith('.') and path.is_file()


def _item(
  found: _Found, out: pathlib.Path, one: bool, format: str | None, trust_map: bool
) -> Item:
  if found.problem:
    return Item(found.path, problem=found.problem)
  suffix = found.path.suffix.lower()
  video = suffix in VIDEOS or (
    suffix not in image_io.SUFFIXES and containers.plays(found.path)
  )
  target = out if one else out / _place(found, _suffix(found, video, format))
  trust = target.with_name(f'{target.stem}-trust.png') if trust_map else None
  return Item(found.path, target, video, trust)


def _place(found: _Found, suffix: str) -> pathlib.Path:
  """Returns where a result goes; the end of 'scan.001' is no suffix."""
  known = found.path.suffix.lower() in VIDEOS | image_io.SUFFIXES
  stem = found.place.stem if known else found.place.name
  return found.place.with_name(f'{stem}{suffix}')


def _suffix(found: _Found, video: bool, format: str | None) -> str:
  """Returns the suffix of a result: that of its source, where that is right."""
  own = found.path.suffix
  if video:
    if format in CONTAINERS:
      return f'.{format}'
    return own if own.lower().lstrip('.') in CONTAINERS else '.mkv'
  if format is not None and format not in CONTAINERS:
    kind = image_io.format_of('', format)
    return own if own.lower() in kind.suffixes else kind.suffixes[0]
  writable = any(own.lower() in kind.suffixes for kind in image_io.formats())
  if not writable or (own.lower() == '.gif' and not _moves(found.path)):
    return '.png'
  return own


def _moves(path: pathlib.Path) -> bool:
  try:
    with Image.open(path, formats=['GIF']) as image:
      return bool(getattr(image, 'is_animated', False))
  except Exception:  # A broken file is told when its turn comes.
    return False


def _check_kinds(
  items: Sequence[Item],
  out: pathlib.Path,
  one: bool,
  format: str | None,
  trust_map: bool,
) -> None:
  good = [item for item in items if not item.problem]
  videos = [item for item in good if item.video]
  if format is not None and good:
    wanted = format in CONTAINERS
    if all(item.video != wanted for item in good):
      kinds = ('videos', 'picture') if wanted else ('pictures', 'video')
      raise errors.UserError(
        f'--format {format} is for {kinds[0]}, and {good[0].source} is a {kinds[1]}'
      )
    if one and not _is(format, out):
      raise errors.UserError(
        f'--format {format} contradicts the suffix of {out}: drop one of them'
      )
  if one and good and good[0].video != (out.suffix.lower() in VIDEOS):
    kinds = ('picture', 'video') if not good[0].video else ('video', 'picture')
    raise errors.UserError(
      f'{good[0].source} is a {kinds[0]} and cannot become the {kinds[1]} {out}'
    )
  if trust_map and videos:
    raise errors.UserError(
      f'--trust-map is for pictures, and {videos[0].source} is a video'
    )


def _is(format: str, out: pathlib.Path) -> bool:
  suffix = out.suffix.lower().lstrip('.')
  if suffix in CONTAINERS or format in CONTAINERS:
    return suffix == format
  return image_io.format_of(out) is image_io.format_of('', format)


def _check_names(items: Sequence[Item]) -> None:
  good = [item for item in items if not item.problem]
  inputs = {item.source.resolve() for item in good}
  files = {key for item in good if (key := identity(item.source))}
  taken: dict[pathlib.Path, pathlib.Path] = {}
  for item in good:
    for target in (item.target, item.trust):
      if target is None:
        continue
      if target in taken:
        raise errors.UserError(
          f'{taken[target]} and {item.source} would both become {target};'
          ' upscale them into different folders'
        )
      taken[target] = item.source
      if target.resolve() in inputs or identity(target) in files:
        raise errors.UserError(
          f'{target} is an input and would be replaced; give -o another folder'
        )


def identity(path: pathlib.Path) -> tuple[int, int] | None:
  """Returns what two names of one file share, or None if there is no file."""
  try:
    status = path.stat()
  except OSError:
    return None
  return status.st_dev, status.st_ino
