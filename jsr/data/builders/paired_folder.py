"""Two folders of images, low and high resolution, as a TFDS data set."""

import os
import pathlib
from collections.abc import Iterator

import tensorflow_datasets as tfds

from jsr.data.pairs import pair_files


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
    splits: (folder of LR, folder of HR) by the name of the split; `pairs.pair_files`
      says which files are a pair.
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
