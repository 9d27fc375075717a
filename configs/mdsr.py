"""MDSR: one network for x2, x3 and x4, each with a head and a tail of its own.

Command: jsr train --config configs/mdsr.py --workdir out/mdsr
    --config.data.source=tfds:div2k/bicubic_x4
Cost: 3e5 updates of 16 LR patches of 48 x 48, each of one factor drawn at random; 1e6
  for `full` (`:smoke` takes seconds).
Expect: on the first ten of DIV2K's validation pictures x2 34.60, x3 30.91, x4 28.95 dB
  RGB for the baseline; 34.96, 31.25 and 29.26 dB for `full` (Lim et al., "Enhanced Deep
  Residual Networks for Single Image Super-Resolution", 2017, table 2).

Arguments: `full` for 80 blocks; `own-tails` for an output convolution of each scale's
own; `smoke` for a run of seconds.

The run measures x4; `jsr evaluate --scale 2` and `--scale 3` measure the others.
"""

from ml_collections import ConfigDict

from configs import default, edsr


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'full', 'own-tails', 'smoke')
  c = default.get_config()
  c.scale = 4
  c.generator.name = 'mdsr'
  c.generator.args.scales = (2, 3, 4)
  c.generator.args.blocks = 80 if 'full' in words else 16
  c.generator.args.features = 64
  c.generator.args.shared_tail = 'own-tails' not in words
  edsr.training(c)  # HR patches of 48 times the factor, up to 192.
  c.train.max_steps = 1_000_000 if 'full' in words else 300_000
  if 'smoke' in words:
    default.smoke(c)
    c.generator.args.blocks = 1
    c.generator.args.features = 8
    c.data.patch_size = 48
  return c
