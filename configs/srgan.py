"""SRGAN: SRResNet against a discriminator, with a content loss on VGG19 features.

Command: jsr train --config configs/srgan.py --workdir out/srgan
    --config.init_from=out/srresnet --config.data.source=FOLDER_OF_PHOTOGRAPHS
Cost: 2e5 updates of 16 x 96x96, each about three times one of SRResNet's (`:smoke`
  takes seconds). VGG19's weights (Keras, 80 MB) are fetched once, or named by
  --config.losses.vgg=FILE.
Expect: Set5 x4 29.40 dB, Set14 26.02 dB PSNR on Y, and sharp textures (Ledig et al.,
  2017, table 1, SRGAN-VGG54); mse: 30.64 and 26.92; vgg22: 29.84 and 26.44.

Arguments: `vgg54` (default), `vgg22` or `mse`, the content loss; `smoke` for a run of
seconds with random VGG19 weights and no first stage.
"""

from ml_collections import ConfigDict

from configs import default, srresnet


def get_config(arg: str = '') -> ConfigDict:
  """Returns the paper's recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'vgg54', 'vgg22', 'mse', 'smoke')
  c = srresnet.get_config('smoke' if 'smoke' in words else '')
  # From scratch the adversarial game stalls: the paper starts from SRResNet-MSE too.
  c.init_from = 'out/srresnet'
  c.discriminator.name = 'SRGAN'
  c.discriminator.args.features = 64
  c.discriminator.args.hidden = 1024
  c.discriminator.args.batch_norm = True
  c.losses.adversarial = 'vanilla'
  c.losses.adversarial_weight = 1e-3
  content = default.one_of(words, 'vgg54', 'vgg22', 'mse')
  if content != 'mse':
    c.losses.pixel_weight = 0.0
    c.losses.perceptual_weight = 1.0
    c.losses.perceptual_layers = ('relu2_2',) if content == 'vgg22' else ('relu5_4',)
    c.losses.perceptual_norm = 'mse'
    c.losses.perceptual_scale = 1 / 12.75
    c.losses.vgg_source = 'keras'  # 1 / 12.75 belongs to Caffe-scaled features.
  for player in (c.optim.generator, c.optim.discriminator):
    player.learning_rate = 1e-4
    player.schedule = 'step'
    player.boundaries = (100_000,)
    player.decay = 0.1
  # PSNR falls as texture appears: the best by PSNR would be the first.
  c.checkpoint.best_metric = ''
  if 'smoke' in words:
    c.init_from = ''
    c.losses.vgg = 'narrow'
    c.discriminator.args.features = 8
    c.discriminator.args.hidden = 16
  else:
    c.train.max_steps = 200_000
  return c
