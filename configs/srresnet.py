"""SRResNet: the generator of SRGAN trained by MSE, and the start of configs/srgan.py.

Command: jsr train --config configs/srresnet.py --workdir out/srresnet
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
Cost: 1e6 updates of 16 x 96x96; hours on a GPU, weeks on a laptop (`:smoke` takes
  seconds). The paper used 350,000 ImageNet pictures; DIV2K (tfds:div2k) is the usual
  stand-in. The embedded photographs, the default, only show that it runs.
Expect: Set5 x4 32.05 dB, Set14 28.49 dB PSNR on Y (Ledig et al., 2017, table 1,
  SRResNet-MSE); `vgg22`: 30.51 and 27.19 dB.

Arguments: `vgg22` for SRResNet-VGG22, the VGG19 loss on relu2_2 with total variation;
`x2` or `x8` in place of `x4` (not in the paper); `smoke` for a run of seconds.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the paper's recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'vgg22', 'x2', 'x4', 'x8', 'smoke')
  c = default.get_config()
  c.scale = int(default.one_of(words, 'x4', 'x2', 'x8')[1:])
  c.generator.name = 'srresnet'
  c.generator.args.blocks = 16
  c.generator.args.features = 64
  c.generator.args.tanh = False
  c.losses.pixel = 'mse'
  c.losses.pixel_weight = 4.0  # The paper's MSE is on [-1, 1].
  if 'vgg22' in words:
    c.losses.pixel_weight = 0.0
    c.losses.tv_weight = 2e-8
    c.losses.perceptual_weight = 1.0
    c.losses.perceptual_layers = ('relu2_2',)
    c.losses.perceptual_norm = 'mse'
    c.losses.perceptual_scale = 1 / 12.75
    c.losses.vgg_source = 'keras'  # 1 / 12.75 belongs to Caffe-scaled features.
  c.data.batch_size = 16
  c.data.patch_size = 96
  c.optim.generator.learning_rate = 1e-4
  c.train.max_steps = 1_000_000
  c.eval.every = 5000
  c.checkpoint.every = 5000
  c.checkpoint.keep_every = 100_000
  if 'smoke' in words:
    default.smoke(c)
    c.generator.args.blocks = 1
    c.generator.args.features = 8
    c.checkpoint.keep_every = 0
    if 'vgg22' in words:
      c.losses.vgg = 'narrow'
  return c
