"""SRGAN as TensorLayer builds it: the code base of reports 001 and 002.

Command: jsr train --config configs/srgan_tl.py:init --workdir out/srgan_tl_init
    --config.data.source=tfds:div2k/bicubic_x4
  then jsr train --config configs/srgan_tl.py --workdir out/srgan_tl
    --config.data.source=tfds:div2k/bicubic_x4
Cost: 8e4 updates of 4 x 384x384 (report 001: 139 s an epoch of 200 updates on an RTX
  3060 Ti), fifteen hours there (`:smoke` takes seconds). VGG19's weights are fetched
  once, or named by --config.losses.vgg=FILE.
Expect: report 001, its own protocol (jsr compare --protocol report001): Set5 26.7233
  dB, SSIM .7696; Set14 24.3715 dB, .6583, hardly above OpenCV's bicubic. `nobn`: losses
  that swing ever wider from about step 500.

Arguments: `init` for the first stage (MSE, 10 epochs), with `nobn` and `report002` too
(`init,nobn` in out/srgan_tl_nobn_init); `nobn` for report 001's
instability case, every batch norm of the generator removed; `report002` for report
002's generator (nearest enlargement and convolution in place of the shuffle), Adam at
1e-4, batch 16 and its 2e5 updates; `smoke` for a run of seconds.

Report 001 states learning rate 0.03, batch 4, 10 + 400 epochs and no optimizer; the
public code's script uses SGD with momentum 0.9, and its decay after 1000 epochs never
happens here, so that is the reading.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'init', 'nobn', 'report002', 'smoke')
  c = default.get_config()
  c.generator.name = 'srgan_tl'
  c.generator.args.batch_norm = 'nobn' not in words
  if 'report002' in words:
    c.generator.args.upsampler = 'resize-conv'
  # Each variant is another network, so it starts from a first stage of its own.
  kinds = ('nobn', 'report002')
  adversarial_stage(c, words, ''.join(f'_{k}' for k in kinds if k in words))
  if 'smoke' in words:
    smoke(c)
  return c


def adversarial_stage(c: ConfigDict, words: set[str], variant: str) -> None:
  """Sets report 001's training, or report 002's; `configs/rrim.py` uses it too.

  Args:
    c: The config; gets losses, optimizers, lengths, and the second stage's start.
    words: With 'init' it stays at the first stage.
    variant: Of the generator; part of the name of the first stage's workdir.
  """
  c.losses.pixel = 'mse'
  c.losses.pixel_weight = 4.0  # The code's MSE is on [-1, 1].
  c.data.patch_size = 384
  c.data.batch_size = 16 if 'report002' in words else 4
  for player in (c.optim.generator, c.optim.discriminator):
    if 'report002' in words:
      player.learning_rate = 1e-4
      player.b1 = 0.9
    else:
      player.name = 'sgd'
      player.momentum = 0.9
      player.learning_rate = 0.03
  c.eval.every = 2000
  c.checkpoint.every = 2000
  if 'init' in words:
    c.train.max_steps = 2000
    return
  c.discriminator.name = 'TensorLayer'
  c.losses.perceptual_weight = 2e-6
  c.losses.perceptual_layers = ('pool4',)
  c.losses.perceptual_norm = 'mse'
  c.losses.vgg_source = 'keras'
  c.losses.adversarial = 'vanilla'
  c.losses.adversarial_weight = 1e-3
  c.train.max_steps = 200_000 if 'report002' in words else 80_000
  c.checkpoint.best_metric = ''
  c.init_from = f'out/{c.generator.name}{variant}_init'


def smoke(c: ConfigDict) -> None:
  """Turns either system of report 001 into a run of seconds."""
  default.smoke(c)
  c.generator.args.features = 8
  c.data.patch_size = 64  # The discriminator halves it six times.
  c.init_from = ''
  if c.losses.perceptual_weight:
    c.losses.vgg = 'narrow'
  if c.discriminator.name:
    c.discriminator.args.features = 4
  for player in (c.optim.generator, c.optim.discriminator):
    player.learning_rate = min(player.learning_rate, 1e-3)
  if c.generator.name == 'srgan_tl':
    c.generator.args.blocks = 1
