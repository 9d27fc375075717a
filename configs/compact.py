"""The compact generator that comes with jsr, and its GAN-trained partner.

Command: jsr train --config configs/compact.py:x4 --workdir out/compact_x4
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
  then jsr train --config configs/compact.py:x4,gan --workdir out/compact_x4_gan
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
  and jsr train --config configs/compact.py:from-x4 --workdir out/compact_x2
    --config.data.source=FOLDER_OF_PHOTOGRAPHS
Cost: 6e4 updates of 16 LR patches of 32 x 32; 0.3 seconds each on two CPU cores, five
  hours, or minutes on a GPU (`:smoke` takes seconds).
Expect: jsr/weights/embedded has a model card for each file that comes with jsr, with
  the run that made it and its table.

Arguments: `x2` or `x4` (default); `from-x4` is x2, started from out/compact_x4 with a
fresh tail; `gan` for the second stage, which starts from out/compact_x2 or
out/compact_x4; `smoke` for a run of seconds.

The rate is constant until the last quarter, so that a run can be made longer by
train.max_steps as long as that has not begun. The game of `gan` is the demo's.
"""

from ml_collections import ConfigDict

from configs import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the recipe; see the top of the file for `arg`."""
  words = default.words(arg, 'x2', 'x4', 'from-x4', 'gan', 'smoke')
  c = default.get_config()
  usual = 'x2' if 'from-x4' in words else 'x4'
  other = 'x4' if usual == 'x2' else 'x2'
  c.scale = int(default.one_of(words, usual, other)[1])
  c.generator.name = 'compact'
  c.generator.args.blocks = 4
  c.generator.args.features = 64
  c.losses.pixel = 'l1'
  c.data.batch_size = 16
  c.data.patch_size = 32 * c.scale
  c.optim.ema_decay = 0.999
  c.optim.generator.learning_rate = 1e-3
  c.optim.generator.schedule = 'cooldown'
  c.optim.generator.warmup = 200
  c.optim.generator.clip_norm = 1.0
  c.train.max_steps = 60_000
  if 'from-x4' in words:
    if c.scale == 4 or 'gan' in words:
      raise ValueError("argument 'from-x4' is for the first stage of x2")
    c.init_from = 'out/compact_x4'
    c.init_skip = ('tail',)
    c.train.max_steps = 20_000
  c.eval.every = 2000
  c.checkpoint.every = 500
  # The last one, cooled down: never chosen by held-out pictures.
  c.checkpoint.best_metric = ''
  if 'gan' in words:
    _second_stage(c)
  if 'smoke' in words:
    default.smoke(c)
    c.generator.args.blocks = 1
    c.generator.args.features = 8
    c.init_from, c.init_skip = '', ()
  return c


def _second_stage(c: ConfigDict) -> None:
  c.init_from = f'out/compact_x{c.scale}'
  c.discriminator.name = 'SRGANPool'
  c.discriminator.args.depth = 4
  c.discriminator.args.features = 32
  c.discriminator.args.hidden = 64
  c.losses.adversarial = 'relativistic'
  c.losses.adversarial_weight = 5e-3
  c.data.batch_size = 8
  c.optim.ema_decay = 0.99  # The run is short.
  c.optim.generator.learning_rate = 1e-4
  c.optim.generator.schedule = 'constant'
  c.optim.discriminator.learning_rate = 4e-4
  c.train.max_steps = 3000
  c.eval.every = 500
