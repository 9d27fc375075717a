"""Files that a command writes: found out beforehand, and whole or not at all."""

import contextlib
import io
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any

from PIL import Image

from jsr import errors
from jsr.evaluate import page


@contextlib.contextmanager
def folder(path: pathlib.Path) -> Iterator[None]:
  """Makes a folder, and removes what it made if nothing comes into it."""
  missing = []
  for parent in (path, *path.parents):
    if parent.exists():
      break
    missing.append(parent)
  path.mkdir(parents=True, exist_ok=True)
  try:
    yield
  except BaseException:
    with contextlib.suppress(OSError):  # One that is not empty stays.
      for parent in missing:
        parent.rmdir()
    raise


def check_folder(folder: pathlib.Path) -> None:
  """Makes sure that a folder can be written to, or made; leaves nothing.

  Raises:
    UserError: It cannot.
  """
  existing = folder.absolute()
  while not existing.exists() and existing != existing.parent:
    existing = existing.parent
  try:
    with tempfile.TemporaryFile(dir=existing):
      pass
  except OSError as error:
    raise errors.UserError(
      f'cannot write into the folder {folder}: {existing}: {error.strerror}'
    ) from error


def check_file(path: pathlib.Path) -> None:
  """Makes sure that a file can be written; leaves nothing.

  Raises:
    UserError: It cannot.
  """
  if path.is_dir():
    raise errors.UserError(f'cannot write {path}: it is a folder')
  check_folder(path.parent)


def write_text(path: pathlib.Path, text: str) -> None:
  """Writes a file, whole or not at all.

  Raises:
    UserError: It cannot be written.
  """
  write_bytes(path, text.encode())


def write_png(path: pathlib.Path, picture: Image.Image) -> None:
  """Writes a picture as PNG, whole or not at all; likewise."""
  made = io.BytesIO()
  picture.save(made, 'png')
  write_bytes(path, made.getvalue())


def write_bytes(path: pathlib.Path, content: bytes) -> None:
  """Writes a file, whole or not at all; likewise."""
  temporary = path.with_name(f'.{path.name}.{os.getpid()}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
      temporary.write_bytes(content)
      temporary.replace(path)
    finally:
      temporary.unlink(missing_ok=True)
  except OSError as error:
    raise errors.UserError(f'cannot write {path}: {error.strerror}') from error


def write_page(path: pathlib.Path, *args: Any, **options: Any) -> None:
  """Does `jsr.evaluate.page.write_page` so that the page appears last, and whole.

  Pictures of an earlier page by the same name are replaced one by one; other files in
  their folder stay.

  Raises:
    UserError: It cannot be written.
  """
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f'.{path.name}.') as made:
      root = pathlib.Path(made)
      page.write_page(root / path.name, *args, **options)
      files = sorted(p.relative_to(root) for p in root.rglob('*') if p.is_file())
      # The page links to the pictures, so it comes after them.
      for file in sorted(files, key=lambda p: p == pathlib.Path(path.name)):
        target = path.parent / file
        target.parent.mkdir(parents=True, exist_ok=True)
        (root / file).replace(target)
  except OSError as error:
    raise errors.UserError(f'cannot write {path}: {error.strerror}') from error
