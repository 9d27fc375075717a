"""Both stages of SRGAN in about four minutes on two CPU cores, on embedded photographs.

Command: make demo (or: jsr demo -o out/demo)
Cost: see the README; about four minutes of training on two cores, no download.
Expect: `pixel` at least 0.5 dB above bicubic (PSNR on Y, held-out photographs, x4);
  `gan` sharper and a little lower, as in Ledig et al., 2017, table 2.

The recipe is SRGAN's in small: a generator trained by a pixel loss, then the same
generator against a discriminator. The paper's SRResNet does not get above bicubic in
four minutes of a CPU, its 9x9 convolutions at HR size eat the time; the compact
generator starts at bicubic and works at LR size. The content loss of the second stage
is MSE: VGG19's weights are a download of 80 MB, and the demo needs none. Its game is
the relativistic one of ESRGAN.

Arguments: `pixel` (default) or `gan`, and `smoke` for a run of seconds.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config of a stage.

  Args:
    arg: Comma-separated: 'pixel' or 'gan'; 'smoke'.
  """
  words = default.words(arg, 'pixel', 'gan', 'smoke')
  c = default.get_config()
  c.generator.name = 'compact'
  c.generator.args.blocks = 3
  c.generator.args.features = 32

  c.data.batch_size = 8
  # Not smaller: LR patches of 16 or 12 pixels are mostly border to this generator, and
  # it then blurs the inside of whole pictures.
  c.data.patch_size = 96
  c.optim.ema_decay = 0.99
  c.optim.generator.learning_rate = 1e-3
  c.optim.generator.schedule = 'cosine'
  c.optim.generator.warmup = 50
  c.train.max_steps = 3000
  c.eval.every = 500
  c.eval.size = 256  # Of the pictures that the report measures in full.
  c.checkpoint.every = 500
  c.checkpoint.best_metric = ''  # The last one: never chosen by the held-out pictures.
  c.log.every = 25

  if 'gan' in words:
    # A shallow discriminator, which learns within a hundred steps, and the relativistic
    # game: with the vanilla one the generator fools it by smoothness. Chosen by looking
    # at pictures of BSDS500's training part.
    c.discriminator.name = 'SRGANPool'
    c.discriminator.args.depth = 4
    c.discriminator.args.features = 16
    c.discriminator.args.hidden = 64
    c.losses.pixel = 'mse'
    c.losses.pixel_weight = 4.0  # The paper's MSE is on [-1, 1].
    c.losses.adversarial = 'relativistic'
    c.losses.adversarial_weight = 2e-2
    c.optim.generator.learning_rate = 1e-4
    c.optim.generator.schedule = 'constant'
    c.optim.generator.warmup = 150  # The discriminator learns first.
    c.optim.discriminator.learning_rate = 5e-4
    c.train.max_steps = 600
    c.eval.every = 200
    c.checkpoint.every = 200

  if 'smoke' in words:
    default.smoke(c)
  return c
