"""RRDB-PSNR: ESRGAN's generator trained by L1, and the start of configs/esrgan.py.

Command: jsr train --config configs/rrdb.py --workdir out/rrdb
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
Cost: 1e6 updates of 16 x 128x128; days on a GPU (`:smoke` takes seconds). Where memory
  is short, --config.generator.args.remat=True recomputes blocks in the backward pass.
Expect: Set5 x4 32.73 dB, Set14 28.99 dB, BSD100 27.85 dB PSNR on Y (Wang et al.,
  "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", 2018, table 1;
  trained on DIV2K and Flickr2K).

Arguments: `16` for 16 blocks in place of 23; `smoke` for a run of seconds.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, '16', 'smoke')
  c = default.get_config()
  c.generator.name = 'rrdb'
  c.generator.args.blocks = 16 if '16' in words else 23
  c.generator.args.features = 64
  c.generator.args.growth = 32
  c.generator.args.remat = False
  c.losses.pixel = 'l1'
  c.data.batch_size = 16
  c.data.patch_size = 128
  c.optim.generator.learning_rate = 2e-4
  c.optim.generator.schedule = 'step'
  c.optim.generator.boundaries = (200_000, 400_000, 600_000, 800_000)
  c.optim.generator.decay = 0.5
  c.train.max_steps = 1_000_000
  c.eval.every = 5000
  c.checkpoint.every = 5000
  if 'smoke' in words:
    default.smoke(c)
    c.generator.args.blocks = 1
    c.generator.args.features = 8
    c.generator.args.growth = 4
  return c
