"""Two folders of images, low and high resolution, as a TFDS data set."""

import os
import pathlib
from collections.abc import Iterator

import tensorflow_datasets as tfds

from jsr.data import images
from jsr.errors import UserError


# Not registered: found through its folder, as records.py does it.
class PairedFolder(  # type: ignore[call-arg]
  tfds.core.GeneratorBasedBuilder, skip_registration=True
):
  """Pairs of images with equal names; files are stored as they are.

  Records are in the order of the names and have 'id' (text), 'lr' and 'hr' (images).
  """

  name = 'paired_folder'
  VERSION = tfds.core.Version('1.0.0')

  def __init__(
    self, *, splits: dict[str, tuple[pathlib.Path, pathlib.Path]], **kwargs: object
  ):
    self._folders = splits
    super().__init__(**kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    return pair_info(self, 'Pairs of images from two folders.')

  def _split_generators(self, dl_manager: object) -> dict:
    return {
      split: self._generate_examples(lr, hr)
      for split, (lr, hr) in self._folders.items()
    }

  def _generate_examples(self, lr: pathlib.Path, hr: pathlib.Path) -> Iterator:
    for number, (name, lr_file, hr_file) in enumerate(pair_files(lr, hr)):
      yield number, {'id': name, 'lr': lr_file, 'hr': hr_file}


def prepare(
  splits: dict[str, tuple[str | os.PathLike[str], str | os.PathLike[str]]],
  *,
  data_dir: str | os.PathLike[str],
  config: str = 'default',
) -> pathlib.Path:
  """Writes pairs of images as ArrayRecord.

  Args:
    splits: (folder of LR, folder of HR) by the name of the split. Two files are a pair
      if their names are equal up to a tail 'x2', 'x4' and the like of the LR.
    data_dir: Where data sets live.
    config: Name under which this one is found: 'tfds:paired_folder/CONFIG:DATA_DIR'.

  Returns:
    The folder of the data set; an existing one is left as it is.

  Raises:
    UserError: A folder is missing or empty, or a file has no partner.
  """
  folders = {}
  for split, (lr, hr) in splits.items():
    folders[split] = pathlib.Path(lr), pathlib.Path(hr)
    pair_files(*folders[split])  # A mistake shall show before anything is written.
  builder = PairedFolder(
    splits=folders,
    config=tfds.core.BuilderConfig(name=config, version=PairedFolder.VERSION),
    data_dir=os.fspath(data_dir),
    file_format='array_record',
  )
  builder.download_and_prepare()
  return pathlib.Path(builder.data_dir)


def pair_info(builder: tfds.core.DatasetBuilder, text: str) -> tfds.core.DatasetInfo:
  """Describes pairs; the order of the records is that of the generator."""
  return tfds.core.DatasetInfo(
    builder=builder,
    description=text,
    features=tfds.features.FeaturesDict(
      {
        'id': tfds.features.Text(),
        'lr': tfds.features.Image(),
        'hr': tfds.features.Image(),
      }
    ),
    supervised_keys=('lr', 'hr'),
    disable_shuffling=True,
  )


def pair_files(
  lr: pathlib.Path, hr: pathlib.Path
) -> list[tuple[str, pathlib.Path, pathlib.Path]]:
  """Returns (name, LR file, HR file), sorted by name.

  Raises:
    UserError: A folder is missing or empty, or a file has no partner.
  """
  lr_files, hr_files = _by_stem(lr), _by_stem(hr)
  lr_files = {_without_scale(stem, hr_files): path for stem, path in lr_files.items()}
  for here, there, folder in ((lr_files, hr_files, hr), (hr_files, lr_files, lr)):
    alone = sorted(set(here) - set(there))
    if alone:
      raise UserError(
        f"'{here[alone[0]]}' has no partner in '{folder}' ({len(alone)} such files);"
        ' give both files of a pair the same name'
      )
  return [(name, lr_files[name], hr_files[name]) for name in sorted(hr_files)]


def _by_stem(folder: pathlib.Path) -> dict[str, pathlib.Path]:
  if not folder.is_dir():
    raise UserError(f"the folder '{folder}' does not exist; give two folders of images")
  files = {
    path.stem: path
    for path in sorted(folder.iterdir())
    if path.suffix.lower() in images.SUFFIXES and not path.name.startswith('.')
  }
  if not files:
    raise UserError(f"no image files in '{folder}'; give two folders of images")
  return files


def _without_scale(stem: str, known: dict[str, pathlib.Path]) -> str:
  """Turns the usual LR name '0001x4' into '0001' where that is an HR name."""
  head, cross, tail = stem.rpartition('x')
  return head if stem not in known and cross and tail.isdigit() else stem
