"""Networks that learned to be near the original, pixel by pixel."""

from django.utils.translation import gettext_lazy as _

from jsr.web.pages.facts.system import Count, Figure, System

_DIV2K = '--config.data.source=tfds:div2k/bicubic_x4'
_FOLDER = '--config.data.source=FOLDER_OF_PHOTOGRAPHS'

NETWORKS = (
  System(
    key='srcnn',
    name='SRCNN',
    row='SRCNN 9-1-5, 9-3-5, 9-5-5',
    idea=_(
      'Three convolutions on the brightness of a picture that bicubic has enlarged: the'
      ' first network for this task, and still a good lesson.'
    ),
    works=('srcnn2016',),
    generator='models/srcnn.py',
    counts=(
      Count('9-1-5', 8_129, {'middle': 1}),
      Count('9-3-5', 24_513, {'middle': 3}),
      Count('9-5-5', 57_281, {'middle': 5}),
    ),
    printed=(
      Figure('Set5 ×3, 9-1-5', '32.39'),
      Figure('Set5 ×4, 9-1-5', '30.09'),
      Figure('Set5 ×4, 9-5-5', '30.49'),
    ),
    measured=(
      Figure('Set5 ×3, 9-1-5', '32.3897'),
      Figure('Set5 ×4, 9-1-5', '30.0808'),
      Figure('Set5 ×4, 9-5-5', '30.4840'),
    ),
    config='configs/srcnn.py',
    commands=(f'jsr train --config configs/srcnn.py:x3 --workdir out/srcnn {_FOLDER}',),
    model='srcnn',
    shipped=('srcnn-x3',),
  ),
  System(
    key='espcn',
    name='ESPCN',
    row='ESPCN',
    idea=_(
      'It works on the small picture and only at the end shuffles channels into pixels.'
      ' That makes it fast, and nearly every later network ends like this.'
    ),
    works=('espcn2016',),
    generator='models/espcn.py',
    counts=(
      Count('×2', 21_284, {'scale': 2}),
      Count('×3', 22_729, {'scale': 3}),
      Count('×4', 24_752, {'scale': 4}),
    ),
    printed=(Figure('Set5 ×3', '32.55'), Figure('Set5 ×4', '30.90')),
    config='configs/espcn.py',
    commands=(f'jsr train --config configs/espcn.py:x3 --workdir out/espcn {_FOLDER}',),
    model='espcn',
    shipped=('espcn-x2', 'espcn-x3', 'espcn-x4'),
  ),
  System(
    key='drcn',
    name='DRCN',
    row='DRCN',
    idea=_(
      'One convolution is applied sixteen times, and every time gives a prediction of'
      ' its own; a weighted sum of them is the result. Depth without more parameters.'
    ),
    works=('drcn2016',),
    generator='models/drcn.py',
    counts=(Count('', 1_775_121),),
    printed=(Figure('Set5 ×2', '37.63'), Figure('Set5 ×4', '31.53')),
    measured=(Figure(_('Set5 ×2, 96 maps, 9 recursions'), '37.3463'),),
    config='configs/drcn.py',
    commands=(f'jsr train --config configs/drcn.py:x3 --workdir out/drcn {_FOLDER}',),
  ),
  System(
    key='compact',
    name=_('Compact'),
    row='compact',
    idea=_(
      'The network of this site: a few residual blocks that correct what bicubic makes.'
      ' As large as a processor without a graphics card can run in seconds.'
    ),
    works=('edsr2017', 'espcn2016'),
    generator='models/compact.py',
    counts=(
      Count('×2', 341_068, {'scale': 2, 'blocks': 4, 'features': 64}),
      Count('×4', 361_840, {'scale': 4, 'blocks': 4, 'features': 64}),
    ),
    config='configs/compact.py',
    commands=(
      f'jsr train --config configs/compact.py:x4 --workdir out/compact_x4 {_FOLDER}',
    ),
    model='compact',
    shipped=('compact-x2', 'compact-x4'),
  ),
  System(
    key='srresnet',
    name='SRResNet',
    row='SRResNet-MSE, -VGG22',
    idea=_(
      'Sixteen residual blocks with batch norm: the generator of SRGAN before it plays.'
      ' In its year it had the highest PSNR of all, and people found it too smooth.'
    ),
    works=('srgan2017', 'resnet2016', 'batchnorm2015'),
    generator='models/srresnet.py',
    counts=(Count('×4', 1_548_547),),
    printed=(
      Figure('Set5 ×4', '32.05'),
      Figure('Set14 ×4', '28.49'),
      Figure('Set5 ×4, VGG22', '30.51'),
    ),
    measured=(Figure(_('Set5 ×4, 8 blocks'), '31.8825'),),
    config='configs/srresnet.py',
    commands=(
      f'jsr train --config configs/srresnet.py --workdir out/srresnet {_FOLDER}',
    ),
    shipped=('srresnet-x4',),
  ),
  System(
    key='edsr',
    name='EDSR',
    row='EDSR: 8 blocks, baseline, full',
    idea=_(
      'SRResNet without batch norm, which smooths away the range of colours and costs'
      ' memory; what is saved goes into width. The usual yardstick since 2017.'
    ),
    works=('edsr2017', 'report003'),
    generator='models/edsr.py',
    counts=(
      Count(_('×4, 8 blocks'), 926_723, {'blocks': 8}),
      Count('×4', 1_517_571),
      Count(
        _('×4, full size'),
        43_089_923,
        {'blocks': 32, 'features': 256, 'residual_scale': 0.1},
      ),
    ),
    printed=(
      Figure('Set5 ×4', '32.09'),
      Figure('Set14 ×4', '28.58'),
      Figure(_('Set5 ×4, full size'), '32.46'),
    ),
    measured=(Figure(_('Set5 ×2, 8 blocks'), '37.8011'),),
    config='configs/edsr.py',
    commands=(
      'jsr train --config configs/edsr.py:x2 --workdir out/edsr_x2'
      ' --config.data.source=tfds:div2k/bicubic_x2',
      f'jsr train --config configs/edsr.py:x4,from-x2 --workdir out/edsr {_DIV2K}',
    ),
    shipped=('edsr-baseline-x2', 'edsr-baseline-x4'),
  ),
  System(
    key='mdsr',
    name='MDSR',
    row='MDSR',
    idea=_(
      'One body for two, three and four times, with a head and a tail for each: the'
      ' factors learn from each other.'
    ),
    works=('edsr2017',),
    generator='models/mdsr.py',
    counts=(Count('', 3_227_203), Count(_('full size'), 7_953_987, {'blocks': 80})),
    printed=(
      Figure('DIV2K ×4, RGB', '28.95'),
      Figure(_('DIV2K ×4, RGB, full size'), '29.26'),
    ),
    config='configs/mdsr.py',
    commands=(f'jsr train --config configs/mdsr.py --workdir out/mdsr {_DIV2K}',),
    shipped=('mdsr-x4',),
  ),
  System(
    key='rrdb',
    name='RRDB-PSNR',
    row='RRDB-PSNR',
    idea=_(
      'Dense blocks, residuals inside residuals, no batch norm: the generator of ESRGAN'
      ' before it plays. Large, slow, and close to the best of its time.'
    ),
    works=('esrgan2018',),
    generator='models/rrdb.py',
    counts=(
      Count('×4', 16_697_987),
      Count(_('×4, 16 blocks'), 11_662_019, {'blocks': 16}),
    ),
    printed=(
      Figure('Set5 ×4', '32.73'),
      Figure('Set14 ×4', '28.99'),
      Figure('BSD100 ×4', '27.85'),
    ),
    config='configs/rrdb.py',
    commands=(f'jsr train --config configs/rrdb.py --workdir out/rrdb {_FOLDER}',),
  ),
  System(
    key='srnet',
    name='SR-NET',
    row='SR-NET',
    idea=_(
      'A U-Net that sharpens a picture which was enlarged before. Report 000 tuned its'
      ' rate, optimiser, activation and width by a Taguchi plan of nine runs.'
    ),
    works=('report000', 'unet2015'),
    generator='models/srnet.py',
    counts=(
      Count(_('128 maps'), 9_600_206),
      Count(_('64 maps'), 2_403_982, {'features': 64}),
      Count(_('32 maps'), 602_990, {'features': 32}),
    ),
    printed=(Figure(_('one picture of report 000, RGB'), '19.285'),),
    config='configs/srnet.py',
    commands=(f'jsr train --config configs/srnet.py --workdir out/srnet {_DIV2K}',),
  ),
  System(
    key='degraded',
    name=_('EDSR on other degradations'),
    row='EDSR on other degradations',
    idea=_(
      'Real pictures were not made small by bicubic: they are blurred, noisy,'
      ' compressed. Here EDSR learns from mixtures of such faults, which report 003'
      ' wished for.'
    ),
    works=('report003', 'realesrgan2021'),
    generator='models/edsr.py',
    counts=(Count('×4', 1_517_571),),
    config='configs/degraded.py',
    commands=(
      f'jsr train --config configs/degraded.py:mixed --workdir out/mixed {_DIV2K}',
    ),
  ),
)
