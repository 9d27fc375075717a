"""Study `content`: five content losses from one SRResNet (report 002).

Command: jsr study-content --data DATA --weights WEIGHTS
Cost: 8 minutes of one core a seed. DATA holds train/, Set5, Set14 and BSD100;
  WEIGHTS the published SRResNet of 8 blocks, VGG19 up to relu3_1, SqueezeNet 1.1 and
  NIQE's model.
Expect: SRResNet-MSE keeps its PSNR, every other loss gives some up for detail (Ledig
  et al., 2017, table 1).

Arguments: `smoke` for a run of a minute.
"""

from ml_collections import ConfigDict

from configs import default as training
from configs.studies import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the study's config; see the top of the file for `arg`."""
  words = training.words(arg, 'smoke')
  c = default.get_config()
  c.seeds = 3
  # Of jsr.experiments.studies.content.variants.VARIANTS, in the order of the tables;
  # the first is the one that the others are compared with.
  c.variants = (
    'srresnet-mse',
    'srresnet-vgg22',
    'srgan-mse',
    'srgan-vgg22',
    'srgan-vgg31',
  )
  # Files below WEIGHTS.
  c.start = 'srresnet8_x4/srresnet8_x4.npz'
  c.vgg = 'vgg19_normalised_to_conv3_1/vgg19_normalised_to_conv3_1.npz'
  c.squeezenet = 'squeezenet1_1_caffe/squeezenet1_1_caffe.npz'
  c.niqe = 'niqe/niqe_pris_params.npz'

  c.source = 'train'  # Folder of training pictures below DATA.
  c.steps = 250
  c.batch_size = 4
  c.patch_size = 64
  # Of the generator, down to 0 by a cosine: at a constant rate the mean colour keeps
  # wandering, and PSNR with it.
  c.learning_rate = 2e-4
  c.warmup = 25  # Of the generator: the discriminator learns first.
  c.momentum = 0.99  # Of batch norm: statistics of four small patches are noise.
  c.calibration = 16  # Patches on which the losses are brought to one size.

  c.discriminator = ConfigDict()  # Fields of SRGANPool, and its rate.
  c.discriminator.depth = 4
  c.discriminator.features = 16
  c.discriminator.hidden = 64
  c.discriminator.batch_norm = False
  c.discriminator.learning_rate = 2e-3

  c.sets = ('Set5', 'Set14', 'BSD100')
  c.limits = (0, 5, 5)  # First pictures of each set; 0 for all.
  # Network interpolation from the first variant to this one, with seed 0.
  c.between = 'srgan-vgg22'
  c.between_sets = ('Set5', 'BSD100')
  c.alphas = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

  if 'smoke' in words:
    c.seeds = 1
    c.variants = ('srresnet-mse', 'srgan-vgg22')
    c.steps = 2
    c.batch_size = 2
    c.patch_size = 32
    c.warmup = 1
    c.calibration = 2
    c.sets = c.between_sets = ('Set5',)
    c.limits = (1,)
    c.alphas = (0.0, 0.5, 1.0)
  return c
