"""EDSR: residual blocks without batch norm, trained by L1.

Command: jsr train --config configs/edsr.py:x2 --workdir out/edsr_x2
    --config.data.source=tfds:div2k/bicubic_x2
  then jsr train --config configs/edsr.py:x4,from-x2 --workdir out/edsr
    --config.data.source=tfds:div2k/bicubic_x4
Cost: 3e5 updates of 16 LR patches of 48 x 48 for the baseline (about ten minutes of an
  H200's arithmetic, a week of a laptop's), 1e6 for `full` (`:smoke` takes seconds).
Expect: the baseline on Set5 x4 32.09 dB, on Set14 28.58 dB PSNR on Y, and on the first
  ten of DIV2K's validation pictures 28.94 dB RGB; `full`: 32.46, 28.80 and 29.25 dB
  (Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution",
  2017, tables 2 and 3). Report 003 prints no figure for its 8 blocks.

Arguments: `x2`, `x3` or `x4` (default); `baseline` (default), `full` for 32 blocks of
256 maps, or `8` for report 003's eight blocks with its recipe; `from-x2` starts from
out/edsr_x2 with a fresh tail, as the paper trains x3 and x4; `smoke` for a run of
seconds.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'baseline', 'full', '8', 'from-x2', 'smoke', *default.X234)
  c = default.get_config()
  c.scale = default.scale_of(words, 4)
  c.generator.name = 'edsr'
  size = default.one_of(words, 'baseline', 'full', '8')
  c.generator.args.blocks = {'baseline': 16, 'full': 32, '8': 8}[size]
  c.generator.args.features = 256 if 'full' in words else 64
  c.generator.args.residual_scale = 0.1 if 'full' in words else 1.0
  if 'from-x2' in words:
    if c.scale == 2:
      raise ValueError("argument 'from-x2' is for x3 and x4")
    c.init_from = 'out/edsr_x2'
    c.init_skip = ('up0', 'up1', 'tail') if c.scale == 4 else ('up0', 'tail')
  training(c)
  c.train.max_steps = 1_000_000 if 'full' in words else 300_000
  if '8' in words:
    c.data.patch_size = 96
    c.optim.generator.boundaries = (200_000,)
    c.eval.every = 1000
    c.checkpoint.every = 1000
  if 'smoke' in words:
    default.smoke(c)
    c.generator.args.blocks = 1
    c.generator.args.features = 8
    c.data.patch_size = 12 * c.scale
    c.init_from, c.init_skip = '', ()
  return c


def training(c: ConfigDict) -> None:
  """Sets EDSR's training (section 4.2 of the paper); MDSR's is the same."""
  c.losses.pixel = 'l1'
  c.data.batch_size = 16
  c.data.patch_size = 48 * c.scale
  c.optim.generator.learning_rate = 1e-4
  c.optim.generator.schedule = 'step'
  c.optim.generator.boundaries = (200_000, 400_000, 600_000, 800_000)
  c.optim.generator.decay = 0.5
  c.eval.every = 5000
  c.checkpoint.every = 5000
