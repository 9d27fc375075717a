"""DRCN: one convolution applied sixteen times, every recursion supervised.

Command: jsr train --config configs/drcn.py:x3 --workdir out/drcn
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
Cost: 2e5 updates of 64 patches of 42 x 42; a day on a GPU (the paper: six days on a
  Titan X), not for a laptop (`:smoke` takes seconds). Recursions are recomputed in the
  backward pass; --config.generator.args.remat=False is faster where memory allows.
Expect: Set5 PSNR on Y, protocol y_float, x2 37.63, x4 31.53 dB (Kim, Lee, Lee,
  "Deeply-Recursive Convolutional Network for Image Super-Resolution", 2016).

Arguments: `x2`, `x3` (default) or `x4`; `smoke` for a run of seconds.

The paper divides the rate by 10 after 5 epochs without gain; the steps at which that
happens are not printed, so the boundaries here are a choice. The losses on single
recursions fade out within the first 25 of about 100 epochs.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'smoke', *default.X234)
  c = default.get_config()
  c.scale = default.scale_of(words, 3)
  c.generator.name = 'drcn'
  c.generator.args.features = 256
  c.generator.args.recursions = 16
  c.generator.args.remat = True
  c.losses.pixel = 'mse'
  c.losses.pixel_weight = 0.5
  c.losses.recursion_steps = 50_000
  c.data.batch_size = 64
  c.data.patch_size = 44 if c.scale == 4 else 42  # The paper's 41 is no multiple.
  rule = c.optim.generator
  rule.name = 'sgd'
  rule.momentum = 0.9
  rule.learning_rate = 0.01
  rule.weight_decay = 2e-4  # The paper's 1e-4 |theta|^2.
  rule.clip_norm = 0.1  # Sixteen recursions explode without.
  rule.schedule = 'step'
  rule.boundaries = (80_000, 120_000, 160_000)
  rule.decay = 0.1
  c.train.max_steps = 200_000
  c.eval.every = 5000
  c.eval.protocol = 'y_float'
  c.checkpoint.every = 5000
  if 'smoke' in words:
    default.smoke(c)
    c.generator.args.features = 8
    c.generator.args.recursions = 3
    c.losses.recursion_steps = 4
    c.data.patch_size = 12 * c.scale
  return c
