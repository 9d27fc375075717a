"""Finds and opens a prepared TFDS data set without TensorFlow."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow_datasets as tfds

from jsr.errors import UserError, unknown

INFO = 'dataset_info.json'
# Image features by preference: of a pair, the high resolution.
FEATURES = ('hr', 'image')


def open_records(
  name: str, split: str, data_dir: str | None = None
) -> Sequence[Mapping[str, Any]]:
  """Opens one split of a data set.

  Args:
    name: NAME, NAME/CONFIG or either with /VERSION.
    split: A split of the data set; slices such as 'train[:90%]' work.
    data_dir: Where data sets live; None: $TFDS_DATA_DIR or ~/tensorflow_datasets.

  Returns:
    The records, readable from threads and other processes; images in them are still
    encoded, as bytes.

  Raises:
    UserError: The data set or the split does not exist or cannot be read.
  """
  folder = find(name, data_dir)
  builder = tfds.builder_from_directory(folder)
  if builder.info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
    raise UserError(
      f"'{folder}' is stored as {builder.info.file_format.value}, which only"
      " TensorFlow reads; prepare it again with file_format='array_record'"
    )
  if split.partition('[')[0] not in builder.info.splits:
    raise unknown(f'split of {name}', split, builder.info.splits)
  features = [
    feature
    for feature, kind in builder.info.features.items()
    if isinstance(kind, tfds.features.Image)
  ]
  if not set(FEATURES) & set(features):
    raise UserError(f"'{folder}' has no image called {' or '.join(FEATURES)}")
  skip = {feature: tfds.decode.SkipDecoding() for feature in features}
  return builder.as_data_source(split, decoders=skip)


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
