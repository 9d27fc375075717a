"""Report 002's face verification: does super-resolution help to tell people apart?

Command: jsr study-faces --data DATA --weights WEIGHTS
Cost: 47 minutes by the clock on two CPU cores, beside other work; `lfw` has 77 times as
  many pictures (`:smoke` takes a minute).
Expect: report 002 sees SRGAN hurt at 20 pixels (93.5 to 92.2 %), help from 30 on, and
  help less the larger the faces are. Ten people and MobileFaceNet decide little of it:
  docs/studies/faces.md.

Arguments: `smoke` for one size and two methods; `lfw` for all of LFW, with DATA/lfw and
DATA/pairs.txt; `facenet` for FaceNet in place of MobileFaceNet, on faces that were
aligned and cut to 160x160 before. See docs/faces.md.
"""

from ml_collections import ConfigDict

from configs import default as training
from configs.studies import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the config of the study; see the top of the file for `arg`."""
  words = training.words(arg, 'smoke', 'lfw', 'facenet')
  c = default.get_config()
  del c.seeds  # Nothing is trained.

  # Below DATA: a folder for each person. pairs: a list as LFW's, or '' to make them.
  c.faces, c.pairs = 'faces/LFW100', ''
  # (left, top, right, bottom) of the face in a picture of LFW; () for all of it.
  c.box = (62, 55, 190, 183)

  # Below WEIGHTS. whitened: FaceNet's models of 2017. flip: join with the embedding of
  # the mirrored face. subtract_mean: that of the other folds.
  c.network, c.network_file = 'mobilefacenet', 'mobilefacenet/mobilefacenet.npz'
  c.whitened = c.flip = c.subtract_mean = False

  # Sides to which faces are reduced; then enlarged by `scale`, and brought to the size
  # that the network wants.
  c.sizes, c.scale = (20, 30, 40, 50, 60), 4
  # LABEL=FILE below WEIGHTS, of the layout `published_as` of `jsr convert`.
  c.published = (
    'SRGAN=srgan_x4/netG_epoch_4_100.v2.pth',
    'SRResNet=srresnet8_x4/srresnet8_x4.npz',
  )
  c.published_as = 'srresnet'
  # Networks that `jsr compare --methods` takes and that enlarge by `scale`.
  c.methods = ('compact-x4-gan', 'compact-x4', 'espcn-x4')
  # The label that the report's claims are about.
  c.claimed = 'SRGAN'

  # Share of different pairs accepted where the validation rate is told.
  c.far = 1e-3
  # Samples of people for the intervals.
  c.draws = 2000

  if 'lfw' in words:
    c.faces, c.pairs = 'lfw', 'pairs.txt'
  if 'facenet' in words:
    c.network, c.network_file = 'facenet', '20180402-114759-vggface2.pt'
    c.box = ()
  if 'smoke' in words:
    c.sizes = (20,)
    c.published = c.published[:1]
    c.methods = ('espcn-x4',)
    c.draws = 100
  return c.lock()
