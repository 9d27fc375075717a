"""Drawings: curation, the methods of report 004, and samples of a GAN.

Report 004 cuts drawings into tiles, drops repeats and empty ones, compares Anime4K,
SRCNN, ESPCN, SRGAN and ESRGAN on them, and ends with two thoughts: super-resolution is
not the right way to enlarge what a GAN makes, and an enlarger that is trained as a part
of the GAN would be better. Each part is measured here; pictures stay in the output
folder, since most of the drawings may not be published in a changed form.
"""

import json
from collections.abc import Callable
from typing import Any

from jsr.evaluate import comparison
from jsr.experiments.findings import Findings
from jsr.experiments.studies.illustrations import (
  comparing,
  curating,
  enhancing,
  report,
)
from jsr.experiments.study import Study


def run(study: Study) -> Findings:
  """Curates, trains, compares and enlarges; see configs/studies/illustrations.py."""
  curated = curating.run(study)
  trained = comparing.train(study)
  found = comparing.find(study, trained)
  tiles = comparing.held_out(study)
  results = {
    'curation': curated,
    'held out': {'tiles': len(tiles), 'pictures': len({name for name, _ in tiles})},
    'parameters': comparing.parameters(found),
    'quality': _once(study, 'quality', lambda: comparing.measure(found, tiles)),
    'seconds': _once(study, 'seconds', lambda: comparing.time_all(study, found)),
    'enhancing': _once(
      study, 'enhancing', lambda: enhancing.run(study, found, trained['head'])
    ),
  }
  return report.findings(study.config, results)


# What only the last part reads.
_OF_SAMPLES = ('gan', 'margin', 'sampler', 'samples', 'seeds', 'stacked')


def _once(study: Study, part: str, measure: Callable[[], Any]) -> Any:
  """Measures a part, or reads what an earlier start with the same config measured."""
  path = study.output / 'measured' / f'{part}.json'
  config = json.loads(study.config.to_json())
  if path.is_file():
    before = json.loads(path.read_text(encoding='utf-8'))
    other = () if part == 'enhancing' else _OF_SAMPLES
    if all(before['config'][key] == config[key] for key in config if key not in other):
      return before['results']
  results = measure()
  comparison.write_json(path, {'config': config, 'results': results})
  return json.loads(path.read_text(encoding='utf-8'))['results']
