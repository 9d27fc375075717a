"""RRIM-GAN: report 001's generator of residual inception modules, without batch norm.

Command: jsr train --config configs/rrim.py:init --workdir out/rrim_init
    --config.data.source=tfds:div2k/bicubic_x4
  then jsr train --config configs/rrim.py --workdir out/rrim
    --config.data.source=tfds:div2k/bicubic_x4
Cost: 8e4 updates of 4 x 384x384 (report 001: 138 s an epoch of 200 updates on an RTX
  3060 Ti), fifteen hours there (`:smoke` takes seconds). VGG19's weights are fetched
  once, or named by --config.losses.vgg=FILE.
Expect: report 001, its own protocol (jsr compare --protocol report001): Set5 26.8981
  dB, SSIM .7768; Set14 24.4972 dB, .6639; and losses that do not swing wider.

Arguments: `init` for the first stage (MSE, 10 epochs); `one` for the reading with a
single module, whose first stage is `init,one` in out/rrim_one_init; `tensorlayer`
(default), the code base's discriminator; `inception` for the discriminator of inception
modules that the authors wished for, `paper-d` for SRGAN's, both at HR patches of 96;
`smoke` for a run of seconds.

The report names SRGAN's discriminator; at its HR patches of 384 that one would have
307 million parameters, too many for the card it used, so the code base's own is the
default.
"""

from ml_collections import ConfigDict

from configs import default, srgan_tl


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(
    arg, 'init', 'one', 'tensorlayer', 'inception', 'paper-d', 'smoke'
  )
  c = default.get_config()
  c.generator.name = 'rrim'
  c.generator.args.modules = 1 if 'one' in words else 16
  srgan_tl.adversarial_stage(c, words, variant='_one' if 'one' in words else '')
  judge = default.one_of(words, 'tensorlayer', 'inception', 'paper-d')
  if judge != 'tensorlayer' and 'init' not in words:
    c.discriminator.name = 'Inception' if judge == 'inception' else 'SRGAN'
    c.data.patch_size = 96
  if 'smoke' in words:
    srgan_tl.smoke(c)
    if c.discriminator.name == 'Inception':
      c.discriminator.args.features = 16  # Its branches are shares of 16.
      c.discriminator.args.hidden = 8
    c.generator.args.features = 16
    c.generator.args.modules = 1
  return c
