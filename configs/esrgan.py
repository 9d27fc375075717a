"""ESRGAN: RRDB against a relativistic discriminator.

Command: jsr train --config configs/esrgan.py --workdir out/esrgan
    --config.init_from=out/rrdb --config.data.source=FOLDER_OF_PHOTOGRAPHS
  then jsr interpolate out/rrdb out/esrgan --alpha 0.8 -o out/esrgan-0.8.safetensors
Cost: 4e5 updates of 16 x 128x128, each about three times one of RRDB-PSNR's; days on a
  GPU (`:smoke` takes seconds). VGG19's weights (torchvision, 575 MB) are fetched once,
  or named by --config.losses.vgg=FILE.
Expect: Set5 x4 30.454 dB, Set14 26.276 dB, BSD100 25.317 dB PSNR on Y, LPIPS .0748,
  .1329 and .1614 (the authors' released model, as later papers measure it).

Arguments: `vgg128` (default), the paper's discriminator; `unet` for the U-Net
discriminator with spectral norm and the vanilla game of weight 0.1 (Wang et al.,
"Real-ESRGAN", 2021); `pool` for a discriminator of any patch size; `smoke` for a run of
seconds.
"""

from ml_collections import ConfigDict

from configs import default, rrdb


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'vgg128', 'unet', 'pool', 'smoke')
  c = rrdb.get_config('smoke' if 'smoke' in words else '')
  c.init_from = 'out/rrdb'
  c.losses.pixel_weight = 1e-2
  c.losses.perceptual_weight = 1.0
  c.losses.perceptual_layers = ('conv5_4',)
  c.losses.perceptual_norm = 'l1'
  c.losses.vgg_source = 'torchvision'
  c.losses.adversarial = 'relativistic'
  c.losses.adversarial_weight = 5e-3
  kind = default.one_of(words, 'vgg128', 'unet', 'pool')
  if kind == 'unet':
    c.discriminator.name = 'UNetSN'
    c.losses.adversarial = 'vanilla'
    c.losses.adversarial_weight = 0.1
  else:
    c.discriminator.name = 'VGG128'
    c.discriminator.args.pool = kind == 'pool'
  c.optim.ema_decay = 0.999
  for player in (c.optim.generator, c.optim.discriminator):
    player.learning_rate = 1e-4
    player.schedule = 'step'
    player.boundaries = (50_000, 100_000, 200_000, 300_000)
    player.decay = 0.5
  c.checkpoint.best_metric = ''
  if 'smoke' in words:
    c.init_from = ''
    c.losses.vgg = 'narrow'
    c.discriminator.args.features = 4
  else:
    c.train.max_steps = 400_000
  return c
