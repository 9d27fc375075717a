"""SR-NET: report 000's U-Net, which sharpens an enlarged picture.

Command: jsr train --config configs/srnet.py --workdir out/srnet
    --config.data.source=tfds:div2k/bicubic_x4
Cost: 7 epochs of DIV2K, one picture of 256 x 256 at a time: 5,600 updates, an hour on a
  laptop (`:smoke` takes seconds).
Expect: report 000 prints 19.285 dB for one picture that it does not name; that is a
  figure to quote, not to reach.

Arguments: `32`, `64` or `128` (default) maps, as in the report's Taguchi study;
`smoke` for a run of seconds.

The report's pre-processing slides are lost. The reading: HR of 256 x 256, LR by bicubic
reduction to a quarter and enlargement back, mean absolute error, Adam at 1e-3, one
picture a batch, which is what public code with this very network does. Here HR is a
random patch of 256 where that code shrinks the whole picture.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, '32', '64', '128', 'smoke')
  c = default.get_config()
  c.generator.name = 'srnet'
  c.generator.args.features = int(default.one_of(words, '128', '64', '32'))
  c.losses.pixel = 'l1'
  c.data.batch_size = 1
  c.data.patch_size = 256
  c.optim.generator.learning_rate = 1e-3
  c.optim.generator.eps = 1e-7  # Keras' own.
  c.train.max_steps = 5600
  c.eval.every = 800
  c.checkpoint.every = 800
  if 'smoke' in words:
    default.smoke(c)
    c.generator.args.features = 8
  return c
