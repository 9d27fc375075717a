"""Study `rrim`: RRIM against SRGAN, with and without batch norm (report 001).

Command: jsr study-rrim --data DATA
Cost: 15 minutes of one core. DATA holds train/, Set5 and Set14.
Expect: report 001 sees the losses swing ever wider from about step 500 once batch norm
  is removed, and not with RRIM; and RRIM a little ahead of SRGAN in PSNR, SSIM and FSIM
  at the same time an epoch.

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
  c.init_steps = 300  # Of the first stage, by MSE; 2000 in the report [our reading].
  c.init_rate = 1e-3  # Of Adam, in that stage alone.
  c.steps = 1000  # Against the discriminator; 80,000 in the report, likewise.
  c.batch_size = 4  # The report's.
  c.patch_size = 32  # 384 in its code base.
  c.blocks = 4  # Residual blocks of SRGAN, and modules of RRIM; 16 in the report.
  c.features = 32  # Of SRGAN's trunk; RRIM's is twice as wide. 64 in the report.
  c.discriminator = ConfigDict()  # Fields of the one that the report names, SRGAN's.
  c.discriminator.features = 16
  c.discriminator.hidden = 64

  c.swing = ConfigDict()  # See jsr.experiments.stability.
  c.swing.window = 100  # Steps of the rolling standard deviation.
  c.swing.base = (200, 400)  # Steps that it is compared with.
  c.swing.ratio = 3.0  # Above this ...
  c.swing.length = 100  # ... for so many steps in a row is the onset.

  c.sets = ('Set5', 'Set14')
  c.limit = 0  # First pictures of each set; 0 for all.
  # FSIM takes seconds a picture: so many seeds get it, a number for each set.
  c.fsim_seeds = (3, 1)

  c.timing = ConfigDict()
  c.timing.rounds = 5
  c.timing.batch_size = 1
  c.timing.patch_size = 128
  c.timing.full = True  # The report's sizes of the networks, not those above.

  if 'smoke' in words:
    c.seeds = 1
    c.init_steps = 2
    c.steps = 12
    c.batch_size = 2
    c.blocks = 1
    c.features = 8
    c.discriminator.features = 2
    c.discriminator.hidden = 4
    c.swing.window = 3
    c.swing.base = (3, 6)
    c.swing.length = 2
    c.sets = ('Set5',)
    c.limit = 1
    c.fsim_seeds = (0,)
    c.timing.rounds = 2
    c.timing.patch_size = 32
    c.timing.full = False
  return c
