"""Rules that nobody trained."""

from django.utils.translation import gettext_lazy as _

from jsr.web.pages.facts.system import Figure, System

RULES = (
  System(
    key='nearest',
    name=_('Nearest'),
    row='nearest',
    idea=_(
      'Every pixel is repeated. Nothing is invented and nothing is smoothed: what you'
      ' see is what there was.'
    ),
    generator='models/nearest.py',
    works=('srgan2017',),
    printed=(
      Figure('Set5 ×4', '26.26'),
      Figure('Set14 ×4', '24.64'),
      Figure('BSD100 ×4', '25.02'),
    ),
    model='nearest',
    shipped=('nearest',),
  ),
  System(
    key='bilinear',
    name=_('Bilinear'),
    row='',
    idea=_(
      'A new pixel is the mean of its four neighbours, weighted by distance. Quick, and'
      ' softer than it must be.'
    ),
    generator='ops/resize.py',
    model='bilinear',
    shipped=('bilinear',),
  ),
  System(
    key='bicubic',
    name=_('Bicubic'),
    row='bicubic',
    idea=_(
      'A smooth curve is laid through sixteen neighbours. It is what most programs do,'
      ' and the mark that every network has to beat.'
    ),
    works=('keys1981', 'srgan2017'),
    generator='models/bicubic.py',
    printed=(
      Figure('Set5 ×4', '28.43'),
      Figure('Set14 ×4', '25.99'),
      Figure('BSD100 ×4', '25.94'),
    ),
    model='bicubic',
    shipped=('bicubic',),
  ),
  System(
    key='bicubic-cv',
    name=_('Bicubic of OpenCV'),
    row='bicubic of OpenCV',
    idea=_(
      'The same idea with a harder curve and other borders. Report 001 measured against'
      ' it, so jsr has it too: a number means little without its convention.'
    ),
    works=('report001',),
    generator='ops/bicubic_cv.py',
    printed=(Figure('Set5 ×4, RGB', '26.8905'), Figure('Set14 ×4, RGB', '24.3709')),
  ),
  System(
    key='anime4k',
    name='Anime4K',
    row='Anime4K 0.9, 1.0RC',
    idea=_(
      'Made for drawings: it enlarges, then pushes colours towards lines so that lines'
      ' get thin and edges sharp. It moves edges on purpose, which costs PSNR.'
    ),
    works=('anime4k', 'report004'),
    generator='models/anime4k.py',
    printed=(Figure(_('tiles of drawings, report 004'), '18.21'),),
    model='anime4k',
    shipped=('anime4k',),
  ),
)
