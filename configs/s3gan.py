"""Report 003's GAN: four dense residual blocks with learned mixing, batch norm inside.

Command: jsr train --config configs/s3gan.py:init --workdir out/s3gan_init
    --config.data.source=tfds:div2k/bicubic_x4
  then jsr train --config configs/s3gan.py --workdir out/s3gan
    --config.data.source=tfds:div2k/bicubic_x4
Cost: 2e5 updates of 16 x 128x128; hours on a GPU (`:smoke` takes seconds). VGG19's
  weights (Keras, 80 MB) are fetched once, or named by --config.losses.vgg=FILE.
Expect: the report prints no figure, only pictures; its generator has 1,344,643
  parameters, as printed there.

Arguments: `init` for a first stage by MSE; `96` for the HR patches of 96 that the
report's text names, where its discriminator is printed for 128; `smoke` for a run of
seconds.

Optimizer, rate and number of steps are not given in the report; SRGAN's are used, which
it follows otherwise.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'init', '96', 'smoke')
  c = default.get_config()
  c.generator.name = 's3gan'
  c.data.batch_size = 16
  c.data.patch_size = 96 if '96' in words else 128
  c.losses.pixel = 'mse'
  c.losses.pixel_weight = 4.0  # On [-1, 1].
  c.optim.generator.learning_rate = 1e-4
  c.train.max_steps = 200_000
  c.eval.every = 5000
  c.checkpoint.every = 5000
  if 'init' not in words:
    c.discriminator.name = 'S3GAN'
    c.losses.pixel_weight = 0.0
    c.losses.perceptual_weight = 1.0
    c.losses.perceptual_layers = ('relu5_4',)
    c.losses.perceptual_scale = 1 / 12.75
    c.losses.adversarial_weight = 1e-3
    for player in (c.optim.generator, c.optim.discriminator):
      player.learning_rate = 1e-4
      player.schedule = 'step'
      player.boundaries = (100_000,)
      player.decay = 0.1
    c.checkpoint.best_metric = ''
    c.init_from = 'out/s3gan_init'
  if 'smoke' in words:
    default.smoke(c)
    c.init_from = ''
    c.generator.args.features = 8
    c.generator.args.blocks = 1
    if c.discriminator.name:
      c.losses.vgg = 'narrow'
      c.discriminator.args.features = 4
      c.discriminator.args.hidden = 8
  return c
