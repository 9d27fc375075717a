"""EDSR-GAN: EDSR's baseline finished by a perceptual and an adversarial loss.

Command: jsr train --config configs/edsr_gan.py --workdir out/edsr_gan
    --config.init_from=out/edsr --config.data.source=tfds:div2k/bicubic_x4
Cost: 2e5 updates of 16 x 96x96, each about three times one of EDSR's (`:smoke` takes
  seconds). VGG19's weights (torchvision) are fetched once, or named by
  --config.losses.vgg=FILE.
Expect: no table of it was published; compare its PSNR and LPIPS with SRGAN's and
  ESRGAN's (report 003 names it "EDSRGAN" in its title and trains EDSR).

Arguments: `smoke` for a run of seconds.

The loss is that of the public PyTorch EDSR: 5 times VGG54 before ReLU, 0.15 times the
adversarial one, no pixel term; all batch norms in the discriminator, no biases.
"""

from ml_collections import ConfigDict

from configs import default, edsr


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'smoke')
  c = edsr.get_config('smoke' if 'smoke' in words else '')
  c.init_from = 'out/edsr'
  c.discriminator.name = 'SRGAN'
  c.discriminator.args.features = 64
  c.discriminator.args.hidden = 1024
  c.discriminator.args.norm_first = True
  c.losses.pixel_weight = 0.0
  c.losses.perceptual_weight = 5.0
  c.losses.perceptual_layers = ('conv5_4',)
  c.losses.perceptual_norm = 'mse'
  c.losses.vgg_source = 'torchvision'
  c.losses.adversarial = 'vanilla'
  c.losses.adversarial_weight = 0.15
  for player in (c.optim.generator, c.optim.discriminator):
    player.learning_rate = 5e-5
    player.schedule = 'step'
    player.boundaries = (150_000,)
    player.decay = 0.5
  c.checkpoint.best_metric = ''
  if 'smoke' in words:
    c.init_from = ''
    c.losses.vgg = 'narrow'
    c.discriminator.args.features = 4
    c.discriminator.args.hidden = 8
    c.data.patch_size = 32
  else:
    c.data.patch_size = 96
    c.train.max_steps = 200_000
  return c
