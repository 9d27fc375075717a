"""EDSR's baseline on other degradations than bicubic: DIV2K's tracks and mixtures.

Command: jsr train --config configs/degraded.py:mixed --workdir out/mixed
    --config.data.source=tfds:div2k/bicubic_x4
  or, on a published track, jsr train --config configs/degraded.py:given
    --workdir out/mild --config.data.source=tfds:div2k/realistic_mild_x4
    --config.eval.data=DATA --config.eval.sets="('mild',)" --config.eval.lr=LR
  where DATA/mild/HR and DATA/mild/LR hold held-out pairs: without these three the run
  is measured, and its best checkpoint chosen, on bicubic LR.
Cost: that of configs/edsr.py: 3e5 updates of 16 LR patches of 48 x 48 (`:smoke` takes
  seconds).
Expect: no published figure for these mixtures; measure a bicubic-only model beside it.
  Report 003 names one model for mixed degradations as its future work.

Arguments: one of `mixed` (default), `second-order` (Wang et al., "Real-ESRGAN",
2021), `unknown-like`, `mild-like`, `difficult-like`, `wild-like` (stand-ins for DIV2K's
tracks, whose operators are not published), `blur`, `noise`, `poisson`, `jpeg`,
`impulse`, or `given` for pairs from the data; `x2` or `x3` in place of `x4`; `smoke`
for a run of seconds.
"""

from ml_collections import ConfigDict

from configs import default, edsr

KINDS = (
  'mixed',
  'second-order',
  'unknown-like',
  'mild-like',
  'difficult-like',
  'wild-like',
  'blur',
  'noise',
  'poisson',
  'jpeg',
  'impulse',
  'given',
)


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'smoke', *default.X234, *KINDS)
  kind = default.one_of(words, *KINDS)
  c = edsr.get_config(','.join(words - set(KINDS)))
  c.degradation.name = kind
  if 'smoke' in words:
    c.data.patch_size = 16 * c.scale
  return c
