"""Report 002's face verification: does super-resolution help to tell people apart?

Faces are reduced to n x n pixels, enlarged again, and given to a network of faces; both
faces of a pair are treated alike. The protocol is in
`jsr.metrics.verification`, the pairs are in `jsr.data.faces`.
"""

import numpy as np
from ml_collections import ConfigDict

from jsr.data import faces as data
from jsr.errors import UserError
from jsr.experiments.findings import Findings
from jsr.experiments.studies.faces import embeddings, report, scores
from jsr.experiments.study import Study
from jsr.models import faces

# Samples of people: with fewer, the ends of an interval are those of a few samples.
_LEAST_DRAWS = 100


def run(study: Study) -> Findings:
  """Measures all methods at all sizes.

  Raises:
    UserError: Data, weights or config that do not fit.
  """
  c = study.config
  _check(c)
  folder = study.data_folder(c.faces)
  if c.pairs:
    pairs = data.listed_pairs(folder, study.data_folder(c.pairs))
  else:
    pairs = data.folder_pairs(folder)
  found = embeddings.enlargers(study)
  crops = embeddings.read(pairs, c.box)
  _check_cut(c, crops)
  made = embeddings.embed(study, crops, found)
  few = [int((pairs.person == i).argmax()) for i in (0, len(pairs.people) // 2)]
  path = embeddings.sheet(study, crops, found, few)
  print(f'what the network of faces sees: {path}')
  measured = scores.measure(study.config, pairs, made)
  return report.make(study.config, pairs, crops.shape[1:3], found, measured)


def _check(c: ConfigDict) -> None:
  """Refuses numbers that would fail only after the faces are embedded."""
  if not c.sizes or min(c.sizes) < 8:
    raise UserError(f'sizes: {tuple(c.sizes)} must be some sides from 8 pixels on')
  if len(c.box) not in (0, 4) or not all(isinstance(x, int) for x in c.box):
    raise UserError(
      f'box: {tuple(c.box)} must be (left, top, right, bottom) in pixels, or () for the'
      ' whole picture'
    )
  if c.draws < _LEAST_DRAWS:
    raise UserError(
      f'draws: {c.draws} samples of people are too few; {_LEAST_DRAWS} do'
    )


def _check_cut(c: ConfigDict, crops: np.ndarray) -> None:
  """Refuses whole pictures where FaceNet is to see them: it wants faces cut out."""
  if c.network != 'facenet' or len(c.box):
    return
  height, width = crops.shape[1:3]
  size = faces.NETWORKS[c.network].size
  if (height, width) != (size, size):
    raise UserError(
      f'facenet wants faces aligned and cut to {size}x{size} and these pictures have'
      f' {width}x{height} pixels: cut them, or say where the face is with --config.box'
    )
