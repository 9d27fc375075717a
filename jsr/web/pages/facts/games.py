"""Networks that learned by a game: a generator against a discriminator."""

from django.utils.translation import gettext_lazy as _

from jsr.web.pages.facts.system import Count, Figure, System

_DIV2K = '--config.data.source=tfds:div2k/bicubic_x4'
_FOLDER = '--config.data.source=FOLDER_OF_PHOTOGRAPHS'
_TENSORLAYER = Count('384 × 384', 48_153_921, {'size': 384})

GAMES = (
  System(
    key='compact-gan',
    name=_('Compact GAN'),
    row='compact GAN',
    idea=_(
      'The partner of the compact network: the same weights, finished by a short game.'
      ' The strength slider goes from one to the other.'
    ),
    works=('gan2014', 'relativistic2019', 'esrgan2018'),
    generator='models/compact.py',
    counts=(Count('×4', 361_840, {'blocks': 4, 'features': 64}),),
    discriminator='SRGANPool',
    config='configs/compact.py',
    commands=(
      'jsr train --config configs/compact.py:x4,gan --workdir out/compact_x4_gan'
      f' {_FOLDER}',
    ),
    model='compact',
    query='strength=1',
    shipped=('compact-x4-gan',),
  ),
  System(
    key='srgan',
    name='SRGAN',
    row='SRGAN-MSE, -VGG22, -VGG54',
    idea=_(
      'SRResNet plays against a discriminator, and is judged by features of VGG19 in'
      ' place of pixels. Its PSNR falls below bicubic in places, and people prefer it.'
    ),
    works=('srgan2017', 'gan2014', 'vgg2015'),
    generator='models/srresnet.py',
    counts=(Count('×4', 1_548_547),),
    discriminator='SRGAN',
    judges=(Count('96 × 96', 23_563_649, {'size': 96}),),
    printed=(
      Figure('Set5 ×4, MSE', '30.64'),
      Figure('Set5 ×4, VGG22', '29.84'),
      Figure('Set5 ×4, VGG54', '29.40'),
    ),
    measured=(Figure(_('Set5 ×4, 5 blocks'), '30.6539'),),
    config='configs/srgan.py',
    commands=(
      'jsr train --config configs/srgan.py --workdir out/srgan'
      f' --config.init_from=out/srresnet {_FOLDER}',
    ),
  ),
  System(
    key='srgan-tl',
    name='TensorLayer SRGAN',
    row='TensorLayer SRGAN, and without batch norm',
    idea=_(
      'SRGAN as a popular code base builds it: other ends, other activations, a larger'
      ' discriminator. Reports 001 and 002 start from it.'
    ),
    works=('srgan-tensorlayer', 'tensorlayerx', 'report001', 'report002'),
    generator='models/srgan_tl.py',
    counts=(Count('×4', 1_518_147),),
    discriminator='TensorLayer',
    judges=(_TENSORLAYER,),
    printed=(Figure('Set5 ×4, RGB', '26.7233'), Figure('Set14 ×4, RGB', '24.3715')),
    config='configs/srgan_tl.py',
    commands=(
      'jsr train --config configs/srgan_tl.py:init --workdir out/srgan_tl_init'
      f' {_DIV2K}',
      f'jsr train --config configs/srgan_tl.py --workdir out/srgan_tl {_DIV2K}',
    ),
  ),
  System(
    key='srgan-nobn',
    name=_('SRGAN without batch norm'),
    row='TensorLayer SRGAN, and without batch norm',
    idea=_(
      'The same without any batch norm in the generator. Report 001 saw the losses'
      ' swing ever wider from step 500 on: a case of instability to study.'
    ),
    works=('report001', 'batchnorm2015'),
    generator='models/srgan_tl.py',
    counts=(Count('×4', 1_516_035, {'batch_norm': False}),),
    discriminator='TensorLayer',
    judges=(_TENSORLAYER,),
    config='configs/srgan_tl.py',
    commands=(
      'jsr train --config configs/srgan_tl.py:init,nobn --workdir'
      f' out/srgan_tl_nobn_init {_DIV2K}',
      'jsr train --config configs/srgan_tl.py:nobn --workdir out/srgan_tl_nobn'
      f' {_DIV2K}',
    ),
  ),
  System(
    key='rrim',
    name='RRIM-GAN',
    row='RRIM-GAN, and with inception discriminator',
    idea=_(
      'Report 001 replaces the residual blocks by inception modules, residual within'
      ' residual, without batch norm; its training stays calm. The drawings of the'
      ' modules are lost, so jsr says how it reads the text.'
    ),
    works=('report001', 'inception2016', 'inception2014', 'esrgan2018'),
    generator='models/rrim.py',
    counts=(
      Count('×4', 1_505_187),
      Count(_('×4, one module'), 256_707, {'modules': 1}),
    ),
    discriminator='TensorLayer',
    judges=(_TENSORLAYER,),
    printed=(Figure('Set5 ×4, RGB', '26.8981'), Figure('Set14 ×4, RGB', '24.4972')),
    config='configs/rrim.py',
    commands=(
      f'jsr train --config configs/rrim.py:init --workdir out/rrim_init {_DIV2K}',
      f'jsr train --config configs/rrim.py --workdir out/rrim {_DIV2K}',
    ),
  ),
  System(
    key='rrim-inception',
    name=_('RRIM-GAN with an inception discriminator'),
    row='RRIM-GAN, and with inception discriminator',
    idea=_(
      'What the authors of report 001 wished for at its end: inception modules in the'
      ' discriminator as well, which should judge better and train faster.'
    ),
    works=('report001', 'inception2016'),
    generator='models/rrim.py',
    counts=(Count('×4', 1_505_187),),
    discriminator='Inception',
    judges=(Count('96 × 96', 22_415_753, {'size': 96}),),
    config='configs/rrim.py',
    commands=(
      'jsr train --config configs/rrim.py:inception --workdir out/rrim_inception'
      f' {_DIV2K}',
    ),
  ),
  System(
    key='s3gan',
    name=_('GAN of report 003'),
    row="report 003's GAN",
    idea=_(
      'Four blocks of dense blocks with batch norm, each mixed with its input by'
      ' learned weights. The report prints every layer; jsr meets all its'
      ' counts exactly.'
    ),
    works=('report003',),
    generator='models/s3gan.py',
    counts=(Count('×4', 1_341_571),),
    discriminator='S3GAN',
    judges=(Count('128 × 128', 17_953_377, {'size': 128}),),
    config='configs/s3gan.py',
    commands=(
      f'jsr train --config configs/s3gan.py:init --workdir out/s3gan_init {_DIV2K}',
      f'jsr train --config configs/s3gan.py --workdir out/s3gan {_DIV2K}',
    ),
  ),
  System(
    key='edsr-gan',
    name='EDSR-GAN',
    row='EDSR-GAN',
    idea=_(
      'EDSR finished by a perceptual loss and a game. It stands in the title of report'
      ' 003, which then trains EDSR alone; no table of it was ever published.'
    ),
    works=('edsr2017', 'report003'),
    generator='models/edsr.py',
    counts=(Count('×4', 1_517_571),),
    discriminator='SRGAN',
    judges=(Count('96 × 96', 23_563_713, {'size': 96, 'norm_first': True}),),
    config='configs/edsr_gan.py',
    commands=(
      'jsr train --config configs/edsr_gan.py --workdir out/edsr_gan'
      f' --config.init_from=out/edsr {_DIV2K}',
    ),
    shipped=('edsr-baseline-x4-gan',),
  ),
  System(
    key='esrgan',
    name='ESRGAN',
    row='ESRGAN',
    idea=_(
      'RRDB plays a relativistic game: the discriminator says which of two is more'
      ' real, in place of real or not. Sharp textures, and the first path between a'
      ' faithful and a sharp network.'
    ),
    works=('esrgan2018', 'relativistic2019'),
    generator='models/rrdb.py',
    counts=(Count('×4', 16_697_987),),
    discriminator='VGG128',
    judges=(Count('128 × 128', 14_499_401, {'size': 128}),),
    printed=(
      Figure('Set5 ×4', '30.454'),
      Figure('Set14 ×4', '26.276'),
      Figure('BSD100 ×4', '25.317'),
    ),
    config='configs/esrgan.py',
    commands=(
      'jsr train --config configs/esrgan.py --workdir out/esrgan'
      f' --config.init_from=out/rrdb {_FOLDER}',
    ),
  ),
)
