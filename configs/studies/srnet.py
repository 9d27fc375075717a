"""Study `srnet`: SR-NET against ESRGAN on one budget, and impulse noise (report 000).

Command: jsr study-srnet --data DATA
Cost: ten minutes of one core. DATA holds train/, Set5 and Set14.
Expect: report 000 prints 19.29 dB for a picture of SR-NET's and 28.03 dB for one of
  ESRGAN's, and 5.19 dB for a picture of which impulse noise has left nothing.

The rule of the budget: both systems train for the same time on the same processor,
which the steps below are to give; the report prints the time that a step takes, and
what the steps come to. ESRGAN's time is that of both its stages. An earlier run had
constant rates, and its figures were seen: the last step of either was near bicubic,
with more spread than difference. Since then all rates fall to 0; nothing else changed.

Arguments: `smoke` for a run of a minute.
"""

from ml_collections import ConfigDict

from configs import default as training
from configs.studies import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the study's config; see the top of the file for `arg`."""
  words = training.words(arg, 'smoke')
  c = default.get_config()
  c.source = 'train/DIV2K_test_LRx4'  # Folder of training pictures below DATA.

  c.srnet = ConfigDict()
  c.srnet.steps = 600
  c.srnet.features = 64  # 128 in the report, whose Taguchi study has 32 and 64 too.
  c.srnet.patch_size = 128  # 256 in public code with this network.
  c.srnet.batch_size = 1
  c.srnet.learning_rate = 1e-3

  c.rrdb = ConfigDict()  # Both stages of ESRGAN.
  c.rrdb.psnr_steps = 620
  c.rrdb.gan_steps = 260
  c.rrdb.blocks = 2  # 23 in the paper.
  c.rrdb.features = 32  # 64 in the paper.
  c.rrdb.growth = 16  # 32 in the paper.
  c.rrdb.discriminator = 16  # Its features; 64 in the paper.
  c.rrdb.patch_size = 32  # 128 in the paper.
  c.rrdb.batch_size = 4  # 16 in the paper.
  c.rrdb.psnr_rate = 1e-3  # 2e-4 in the paper, for a thousand times as many steps.
  c.rrdb.gan_rate = 1e-4

  c.timing_rounds = 8  # Of one step each, in turn.
  c.sets = ('Set5', 'Set14')
  c.limit = 0  # First pictures of each set; 0 for all.

  c.noise = ConfigDict()
  # Probability that a pixel is hit; half of the hits are black, half are white.
  c.noise.hit = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)

  if 'smoke' in words:
    c.seeds = 1
    c.srnet.steps = 2
    c.srnet.features = 4
    c.srnet.patch_size = 32
    c.rrdb.psnr_steps = 2
    c.rrdb.gan_steps = 2
    c.rrdb.blocks = 1
    c.rrdb.features = 4
    c.rrdb.growth = 2
    c.rrdb.discriminator = 2
    c.timing_rounds = 2
    c.sets = ('Set5',)
    c.limit = 1
    c.noise.hit = (0.1, 1.0)
  return c
