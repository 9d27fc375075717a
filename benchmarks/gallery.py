"""Makes the pictures of the website's first page: before and after, and the original.

    python benchmarks/gallery.py

Photographs of scikit-image's wheel are made four times smaller by the rule of `jsr
compare`, enlarged again by bicubic and by the networks that come with jsr, and cut. It
writes WebP files and `gallery.json`, with the PSNR of each cut, into
jsr/web/static/web/gallery. The site has the captions, in its languages.
"""

import json
import pathlib

import numpy as np
from PIL import Image

from jsr.data import sources
from jsr.evaluate import benchmark, methods, protocol
from jsr.evaluate.sets import Picture

TARGET = (
  pathlib.Path(__file__).parents[1] / 'jsr' / 'web' / 'static' / 'web' / 'gallery'
)
METHODS = ('bicubic', 'compact-x4', 'compact-x4-gan')
SCALE, WIDTH, HEIGHT = 4, 400, 300
# Name of the photograph: left and top of the cut, and whom to thank.
CUTS = {
  'chelsea': (48, 0, 'Stéfan van der Walt, CC0'),
  'coffee': (116, 56, 'Rachel Michetti, CC0'),
  'astronaut': (76, 0, 'NASA, public domain'),
  'rocket': (0, 124, 'SpaceX, public domain'),
  'ihc': (100, 160, 'CMMI'),
  'hubble_deep_field': (200, 0, 'NASA, public domain'),
}


def main() -> None:
  TARGET.mkdir(exist_ok=True)
  rule = protocol.get('rgb8')
  compared = [methods.resolve(name) for name in METHODS]
  entries = []
  for name, (left, top, credit) in CUTS.items():
    window = np.s_[top : top + HEIGHT, left : left + WIDTH]
    picture = Picture(name, photograph(name))
    psnr, truth = {}, picture.hr
    for method in compared:
      result, truth, _ = benchmark.enlarge(
        method, picture, SCALE, rule, set_name='photographs'
      )
      scores = protocol.score(result[window], truth[window], SCALE, rule)
      psnr[method.label] = round(scores['psnr_y'], 2)
      save(result[window], f'{name}-{method.label}')
    save(truth[window], f'{name}-original')
    entries.append({'name': name, 'credit': credit, 'psnr_y': psnr})
    print(name, psnr)
  about = {'scale': SCALE, 'width': WIDTH, 'height': HEIGHT, 'pictures': entries}
  text = json.dumps(about, indent=1, ensure_ascii=False)
  (TARGET / 'gallery.json').write_text(text + '\n', encoding='utf-8')
  print(sum(path.stat().st_size for path in TARGET.iterdir()), 'bytes')


def photograph(name: str) -> np.ndarray:
  """Returns a photograph, (H, W, 3) uint8."""
  for split, files in sources.PHOTOGRAPHS.items():
    stems = [pathlib.PurePath(file).stem for file in files]
    if name in stems:
      found = sources.open_source(
        'photographs', split=split, min_size=1, progress=False
      )
      return found[stems.index(name)]
  raise KeyError(name)


def save(pixels: np.ndarray, name: str) -> None:
  image = Image.fromarray(pixels.astype(np.uint8))
  image.save(TARGET / f'{name}.webp', quality=88, method=6)


if __name__ == '__main__':
  main()
