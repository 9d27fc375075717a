"""Report 002's face verification: does super-resolution help to tell people apart?

Faces are reduced to n x n pixels, enlarged again, and given to a network of faces; both
faces of a pair are treated alike. The protocol is in
`jsr.metrics.verification`, the pairs are in `jsr.data.faces`.
"""

from jsr.data import faces as data
from jsr.errors import UserError
from jsr.experiments.findings import Findings
from jsr.experiments.studies.faces import embeddings, report, scores
from jsr.experiments.study import Study


def run(study: Study) -> Findings:
  """Measures all methods at all sizes.

  Raises:
    UserError: Data, weights or config that do not fit.
  """
  c = study.config
  if not c.sizes or min(c.sizes) < 8:
    raise UserError(f'sizes: {tuple(c.sizes)} must be some sides from 8 pixels on')
  folder = study.data_folder(c.faces)
  if c.pairs:
    pairs = data.listed_pairs(folder, study.data_folder(c.pairs))
  else:
    pairs = data.folder_pairs(folder)
  found = embeddings.enlargers(study)
  crops = embeddings.read(pairs, c.box)
  made = embeddings.embed(study, crops, found)
  few = [int((pairs.person == i).argmax()) for i in (0, len(pairs.people) // 2)]
  path = embeddings.sheet(study, crops, found, few)
  print(f'what the network of faces sees: {path}')
  measured = scores.measure(study.config, pairs, made)
  return report.make(study.config, pairs, crops.shape[1:3], found, measured)
