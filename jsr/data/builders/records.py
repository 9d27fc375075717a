"""Finds and opens a prepared TFDS data set without TensorFlow."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow_datasets as tfds

from jsr.errors import UserError, unknown

INFO = 'dataset_info.json'
# Image features by preference: of a pair, the high resolution.
FEATURES = ('hr', 'image')


@dataclasses.dataclass(frozen=True)
class Opener:
  """Opens one split of a data set; light enough to travel to a worker process.

  Attributes:
    name: NAME, NAME/CONFIG or either with /VERSION.
    split: A split of the data set; slices such as 'train[:90%]' work.
    data_dir: Where data sets live; None: $TFDS_DATA_DIR or ~/tensorflow_datasets.
  """

  name: str
  split: str
  data_dir: str | None = None

  def __call__(self) -> Sequence[Mapping[str, Any]]:
    """Returns the records; images in them are still encoded, as bytes.

    Raises:
      UserError: The data set or the split does not exist or cannot be read.
    """
    folder = find(self.name, self.data_dir)
    builder = tfds.builder_from_directory(folder)
    if builder.info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
      raise UserError(
        f"'{folder}' is stored as {builder.info.file_format.value}, which only"
        " TensorFlow reads; prepare it again with file_format='array_record'"
      )
    if self.split.partition('[')[0] not in builder.info.splits:
      raise unknown(f'split of {self.name}', self.split, builder.info.splits)
    features = [
      name
      for name, feature in builder.info.features.items()
      if isinstance(feature, tfds.features.Image)
    ]
    if not set(FEATURES) & set(features):
      raise UserError(f"'{folder}' has no image called {' or '.join(FEATURES)}")
    skip = {name: tfds.decode.SkipDecoding() for name in features}
    return builder.as_data_source(self.split, decoders=skip)


def find(name: str, data_dir: str | None = None) -> pathlib.Path:
  """Returns the folder of a prepared data set, of its newest version.

  Raises:
    UserError: Nothing is prepared under that name, or a configuration must be named.
  """
  base = pathlib.Path(
    data_dir or os.environ.get('TFDS_DATA_DIR', '~/tensorflow_datasets')
  ).expanduser()
  root = base / name
  found = [root] if (root / INFO).is_file() else []
  found = found or [path.parent for path in root.glob(f'*/{INFO}')]
  if found:
    return max(found, key=lambda path: _version(path.name))
  configs = sorted({path.parent.parent.name for path in root.glob(f'*/*/{INFO}')})
  if len(configs) == 1:
    return find(f'{name}/{configs[0]}', data_dir)
  if configs:
    raise UserError(
      f"'{name}' has several configurations; write one of: "
      + ', '.join(f'tfds:{name}/{config}' for config in configs)
    )
  raise UserError(
    f"no data set '{name}' is prepared under '{base}'; prepare it there or name"
    ' another folder as tfds:NAME:DATA_DIR'
  )


def _version(text: str) -> tuple[int, ...]:
  parts = text.split('.')
  return tuple(int(part) if part.isdigit() else -1 for part in parts)
