"""Study `edsr`: report 003's EDSR, EDSR-GAN and MDSR, and what batch norm costs.

Command: jsr study-edsr --data DATA --weights WEIGHTS
  where DATA holds train/ (photographs), DIV2K_valid_subset/HR and Set5/HR,
  and WEIGHTS edsr8_x2/edsr8_x2.npz, srresnet8_x4/srresnet8_x4.npz and the VGG19
Cost: about forty minutes of one CPU core (`:smoke` takes a minute or so, and needs
  neither DATA nor WEIGHTS).
Expect: docs/studies/edsr.md.

Arguments: `smoke` for tiny networks on the photographs of jsr.
"""

from ml_collections import ConfigDict

from configs import default
from configs.studies import default as studies


def get_config(arg: str = '') -> ConfigDict:
  """Returns the study; see the top of the file for `arg`."""
  words = default.words(arg, 'smoke')
  c = studies.get_config()
  c.small = 8  # Blocks of report 003's network, ...
  c.large = 16  # ... and of the baselines of EDSR and MDSR.
  c.features = 64
  # In WEIGHTS: the trained EDSR x2 that the x4 networks grow from; '' for none: all
  # start from random parameters.
  c.start = 'edsr8_x2/edsr8_x2.npz'
  # In WEIGHTS: trained networks of others that are measured too, by generator.
  c.published = ConfigDict({'srresnet': 'srresnet8_x4/srresnet8_x4.npz'})
  c.source = 'train'  # Folder of DATA with training photographs; '' for those of jsr.
  c.steps = 600  # Report 003 and the paper: 300,000.
  c.batch_size = 2  # There 16.
  c.patch_size = 96  # HR; in report 003 96, in the paper 192.
  c.learning_rate = 2e-4  # There 1e-4.

  c.gan = ConfigDict()  # The second stage, from the baseline.
  c.gan.steps = 100  # 200,000 in the public EDSR-GAN.
  c.gan.vgg = 'vgg19_normalised_to_conv3_1/vgg19_normalised_to_conv3_1.npz'
  c.gan.layer = 'relu3_1'  # conv5_4 there, for which no weights are at hand.
  c.gan.features = 64  # Of the discriminator.
  c.gan.hidden = 1024

  c.eval_every = 100  # Steps; 1,000 in report 003, for its 300,000.
  c.validation = 'DIV2K_valid_subset'  # 'photographs' are those of jsr.
  c.limit = 10  # Its first pictures, as in report 003.
  c.watched = 128  # Centre crop of HR in the course of training.
  c.final = 256  # Centre crop of HR at the end.
  c.sets = ('Set5',)  # Whole pictures, at the end; 'Set14' can be added.

  c.memory = ConfigDict()  # Of a training step; nothing is trained.
  c.memory.blocks = 16
  c.memory.batch_size = 16
  c.memory.patch_sizes = (96, 192)  # HR: SRResNet's and EDSR's.
  c.memory.process = True  # Also the peak of real processes, at the first size.
  if 'smoke' in words:
    c.seeds = 1
    c.small = c.large = 1
    c.features = 8
    c.start = c.source = ''
    del c.published.srresnet
    c.steps = c.gan.steps = 2
    c.patch_size = 48
    c.gan.vgg = 'narrow'
    c.gan.features = 4
    c.gan.hidden = 8
    c.eval_every = 1
    c.validation = 'photographs'
    c.limit = 1
    c.watched = c.final = 64
    c.sets = ()
    c.memory.blocks = 1
    c.memory.batch_size = 2
    c.memory.patch_sizes = (48,)
    c.memory.process = False
  return c
