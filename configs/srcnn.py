"""SRCNN: three convolutions on the luma of the bicubic enlargement.

Command: jsr train --config configs/srcnn.py:x3 --workdir out/srcnn
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
Cost: 1e6 updates of 128 sub-images of 36 x 36, minutes on a GPU, a day on a laptop
  (`:smoke` takes seconds). The paper trains on 91 pictures or on ImageNet.
Expect: Set5 PSNR on Y, protocol y_float, x2 36.34, x3 32.39, x4 30.09 dB for 9-1-5 on
  91 pictures; 36.66, 32.75, 30.49 dB for 9-5-5 on ImageNet (Dong et al., "Image
  Super-Resolution Using Deep Convolutional Networks", 2016, and its released models).

Arguments: `915` (default), `935` or `955`; `x2`, `x3` (default) or `x4`; `rgb` for
colour inside (not the paper's); `sgd` for the paper's optimizer, which takes 8e8
back-propagations; `quick` for a run of an hour on a laptop's core, that of the weights
which come with jsr: He's first kernels, steps of 1e-3 that fall to nothing, averaged
parameters; `smoke` for a run of seconds.
"""

from ml_collections import ConfigDict

from configs import default

# What zero padding would spoil: the paper trains without padding, on the centre.
_BORDER = {1: 6, 3: 7, 5: 8}


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(
    arg, '915', '935', '955', 'rgb', 'sgd', 'quick', 'smoke', *default.X234
  )
  c = default.get_config()
  c.scale = default.scale_of(words, 3)
  middle = int(default.one_of(words, '915', '935', '955')[1])
  c.generator.name = 'srcnn'
  c.generator.args.middle = middle
  c.generator.args.color = 'rgb' if 'rgb' in words else 'y'
  c.losses.pixel = 'mse'
  c.losses.border = _BORDER[middle]
  c.data.batch_size = 128
  c.data.patch_size = 36  # The paper's 33 is no multiple of 2 or 4.
  c.optim.generator.learning_rate = 1e-4
  c.optim.generator.multipliers.tail = 0.1
  if 'sgd' in words:
    c.optim.generator.name = 'sgd'
    c.optim.generator.momentum = 0.9
  c.train.max_steps = 1_000_000
  if 'quick' in words:
    if 'sgd' in words:
      raise ValueError("argument 'quick' excludes 'sgd'")
    c.generator.args.start = 'he'
    c.data.batch_size, c.data.patch_size = 8, 72
    c.optim.ema_decay = 0.999
    rule = c.optim.generator
    rule.learning_rate, rule.multipliers.tail = 1e-3, 1.0
    rule.schedule, rule.decay = 'cosine', 0.01
    c.train.max_steps = 40_000
  c.eval.every = 5000
  c.eval.protocol = 'y_float'
  c.checkpoint.every = 5000
  if 'smoke' in words:
    default.smoke(c)
    c.data.patch_size = 36
  return c
