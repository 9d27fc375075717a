"""DIV2K as a TFDS data set, downloaded or taken from files already there.

Agustsson and Timofte, NTIRE 2017 Challenge on Single Image Super-Resolution: Dataset
and Study. For academic use only. TFDS has a builder of the same name and
configurations, but it needs TensorFlow; this one adds the feature 'id' and keeps the
official order.
"""

import functools
import os
import pathlib
import re
import zipfile
from collections.abc import Callable, Iterator

import tensorflow_datasets as tfds

from jsr.data.builders.paired_folder import pair_info
from jsr.errors import UserError, unknown

URL = 'https://data.vision.ee.ethz.ch/cvl/DIV2K/'
SPLITS = {'train': 'train', 'validation': 'valid'}
# The tail of the name of the LR archive, DIV2K_train_LR_<tail>.zip.
TRACKS = {
  **{f'bicubic_x{scale}': f'bicubic_X{scale}' for scale in (2, 3, 4)},
  'bicubic_x8': 'x8',
  **{f'unknown_x{scale}': f'unknown_X{scale}' for scale in (2, 3, 4)},
  **{f'realistic_{kind}_x4': kind for kind in ('mild', 'difficult', 'wild')},
}


# Not registered: TFDS has a builder of the same name.
class Div2k(  # type: ignore[call-arg]
  tfds.core.GeneratorBasedBuilder, skip_registration=True
):
  """800 training and 100 validation pairs a track (wild: four LR a training image).

  Records are in the order of the file names of the LR and have 'id' (text, the stem
  of the LR file such as '0001x4'), 'lr' and 'hr' (images, encoded as published).
  """

  name = 'div2k'
  VERSION = tfds.core.Version('2.0.0')
  BUILDER_CONFIGS = tuple(
    tfds.core.BuilderConfig(name=track, version='2.0.0') for track in TRACKS
  )
  MANUAL_DOWNLOAD_INSTRUCTIONS = (
    'The official archives, or the folders they unpack to, in any mixture.'
  )
  # Sizes and checksums of the official archives, as TFDS ships them.
  url_infos = tfds.core.download.checksums.load_url_infos(
    tfds.core.tfds_path('datasets/div2k/checksums.tsv')
  )

  def _info(self) -> tfds.core.DatasetInfo:
    return pair_info(self, f'DIV2K, track {self.builder_config.name}.')

  def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
    archives = {
      split: archive_names(self.builder_config.name, split) for split in SPLITS
    }
    try:
      manual = pathlib.Path(dl_manager.manual_dir)
    except AssertionError:  # There is no such folder, or nothing in it.
      urls = {s: [f'{URL}{name}.zip' for name in archives[s]] for s in SPLITS}
      files = dl_manager.download(urls)
    else:
      files = {s: [locate(manual, name) for name in archives[s]] for s in SPLITS}
    return {
      split: self._generate_examples(*map(pathlib.Path, pair))
      for split, pair in files.items()
    }

  def _generate_examples(self, lr: pathlib.Path, hr: pathlib.Path) -> Iterator:
    originals = dict(_pictures(hr))
    for number, (name, read) in enumerate(_pictures(lr)):
      match = re.match(r'\d{4}', name)
      if match is None or match[0] not in originals:
        raise UserError(
          f"'{name}.png' of '{lr}' has no original in '{hr}'; fetch both again"
        )
      yield (
        number,
        {'id': name, 'lr': read(), 'hr': originals[match[0]]()},
      )


def prepare(
  config: str,
  *,
  data_dir: str | os.PathLike[str],
  manual_dir: str | os.PathLike[str] | None = None,
) -> pathlib.Path:
  """Writes a track of DIV2K as ArrayRecord.

  Args:
    config: The track, such as 'bicubic_x4'.
    data_dir: Where data sets live.
    manual_dir: Folder with the official archives or what they unpack to; None:
      DATA_DIR/downloads/manual if it has anything in it, otherwise download (about
      4 GB).

  Returns:
    The folder of the data set; an existing one is left as it is.

  Raises:
    UserError: There is no such track, or an archive is missing or incomplete.
  """
  if config not in TRACKS:
    raise unknown('track of DIV2K', config, TRACKS)
  if manual_dir is not None and not os.path.isdir(manual_dir):
    raise UserError(
      f"the folder '{manual_dir}' does not exist; put DIV2K's files there"
    )
  builder = Div2k(
    config=config, data_dir=os.fspath(data_dir), file_format='array_record'
  )
  builder.download_and_prepare(
    download_config=tfds.download.DownloadConfig(
      manual_dir=None if manual_dir is None else os.fspath(manual_dir)
    )
  )
  return pathlib.Path(builder.data_dir)


def archive_names(config: str, split: str) -> tuple[str, str]:
  """Returns the names of the LR and the HR archive, without '.zip'."""
  part = SPLITS[split]
  return f'DIV2K_{part}_LR_{TRACKS[config]}', f'DIV2K_{part}_HR'


def locate(folder: pathlib.Path, name: str) -> pathlib.Path:
  """Finds an archive, or the folder it unpacks to, in a folder.

  Raises:
    UserError: Neither is there.
  """
  # DIV2K_train_LR_bicubic_X4.zip unpacks to DIV2K_train_LR_bicubic/X4.
  unpacked = re.sub(r'_(X\d)$', r'/\1', name)
  for path in (folder / f'{name}.zip', folder / name, folder / unpacked):
    if path.exists():
      return path
  raise UserError(
    f"neither '{name}.zip' nor '{unpacked}' is in '{folder}'; put it there or remove"
    f' the folder to download from {URL}'
  )


def _pictures(place: pathlib.Path) -> list[tuple[str, Callable[[], bytes]]]:
  """Returns (stem, reader) of every PNG of an archive or folder, sorted by stem."""
  files: list[tuple[str, Callable[[], bytes]]]
  if place.is_dir():
    files = [(path.stem, path.read_bytes) for path in place.rglob('*.png')]
  else:
    try:
      archive = zipfile.ZipFile(place)
    except zipfile.BadZipFile as error:
      raise UserError(
        f"'{place}' is not a whole zip archive; fetch it again"
      ) from error
    files = [
      (pathlib.PurePosixPath(member).stem, functools.partial(archive.read, member))
      for member in archive.namelist()
      if member.endswith('.png') and '__MACOSX' not in member
    ]
  if not files:
    raise UserError(f"there are no PNG files in '{place}'; fetch it again")
  return sorted(files, key=lambda file: file[0])
