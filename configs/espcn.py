"""ESPCN: three convolutions on the small picture, then one sub-pixel shuffle.

Command: jsr train --config configs/espcn.py:x3 --workdir out/espcn
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
Cost: 8e4 updates of 16 patches of 32 x 32 LR pixels; an hour on one core of a laptop
  (`:smoke` takes seconds). The paper trains on 91 pictures or on 50,000 of ImageNet.
Expect: Set5 x3 32.55 dB PSNR on Y after 91 pictures, x4 30.90 dB after ImageNet (Shi et
  al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
  Convolutional Neural Network", 2016, and the tables that reprint it).

Arguments: `x2`, `x3` (default) or `x4`; `rgb` for colour inside (not the paper's);
`blur` for the paper's LR, Gaussian blur and subsampling, in place of bicubic; `relu`
for ReLU in place of tanh; `sgd` for the paper's rule; `smoke` for a run of seconds.

The paper cuts patches of 17 x 17 LR pixels and does not say how they are padded. Here
the loss looks at the middle of larger ones, which sees no padding, and pictures go on
at their edge by repeating it: on Set5 x3 zeros would cost 3 dB after such a training.

The paper's rule is SGD whose rate falls from 0.01 to 1e-4 when the gain is below a
threshold; the steps at which that happens are not printed, so those of `sgd` are a
choice. Adam from 1e-3, the default, gets there in fewer epochs.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'rgb', 'blur', 'relu', 'sgd', 'smoke', *default.X234)
  c = default.get_config()
  c.scale = default.scale_of(words, 3)
  c.generator.name = 'espcn'
  c.generator.args.color = 'rgb' if 'rgb' in words else 'y'
  c.generator.args.activation = 'relu' if 'relu' in words else 'tanh'
  c.generator.args.padding = 'edge'
  c.losses.pixel = 'mse'
  c.losses.border = 4 * c.scale  # Halves of kernels 5, 3 and 3.
  if 'blur' in words:
    c.degradation.name = 'blur'
  c.data.batch_size = 16
  c.data.patch_size = 32 * c.scale
  c.optim.ema_decay = 0.999
  c.optim.generator.learning_rate = 1e-3
  c.optim.generator.schedule = 'cosine'
  c.optim.generator.decay = 0.01
  c.optim.generator.multipliers.tail = 0.1
  if 'sgd' in words:
    rule = c.optim.generator
    rule.name, rule.learning_rate = 'sgd', 0.01
    rule.schedule, rule.decay = 'step', 0.1
    rule.boundaries = (32_000, 60_000)
  c.train.max_steps = 80_000
  c.eval.every = 5000
  c.eval.protocol = 'y_float'
  c.checkpoint.every = 5000
  if 'smoke' in words:
    default.smoke(c)
    c.data.patch_size = 12 * c.scale
  return c
