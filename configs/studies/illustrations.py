"""Study `illustrations`: tiles, enlargers and samples of a GAN (report 004).

Command: jsr study-illustrations --data DATA --weights WEIGHTS
Cost: 20 minutes of one core. DATA holds anime/CC99, 99 drawings of up to 256 pixels;
  WEIGHTS the published SRCNN 9-5-5, SRResNet of 8 blocks, SRGAN, and NIQE's model.
Expect: learned networks above interpolation in PSNR, GANs below those trained for it;
  the report's order of qualities in part only.

Arguments: `smoke` for a run of a minute.
"""

from ml_collections import ConfigDict

from configs import default as training
from configs.studies import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the study's config; see the top of the file for `arg`."""
  words = training.words(arg, 'smoke')
  c = default.get_config()
  c.source = 'anime/CC99'  # Folder below DATA.
  # Below WEIGHTS; '' leaves one out.
  c.niqe = 'niqe/niqe_pris_params.npz'
  c.srcnn = 'srcnn_official/9-5-5_ImageNet_x4.npz'
  c.srresnet = 'srresnet8_x4/srresnet8_x4.npz'
  c.srgan = 'srgan_x4/srgan_x4.npz'

  c.size = 128  # Of tiles, as in the report.
  c.test = 0.2  # Share of the pictures that nothing is trained on.
  c.small_sizes = (64,)  # Tiles of these sizes are counted, too.
  c.planted = 60  # Tiles of which copies are planted.

  # Networks that are trained on the tiles; only the first seed.
  c.tuned = _training(steps=160, batch_size=8, patch_size=96, learning_rate=2e-4)
  c.head = _training(steps=800, batch_size=16, patch_size=64, learning_rate=1e-3)
  c.head.blocks, c.head.features = 2, 24
  c.rrdb = _training(steps=1000, batch_size=8, patch_size=64, learning_rate=5e-4)
  c.rrdb.blocks, c.rrdb.features, c.rrdb.growth = 1, 24, 12
  c.esrgan = _training(steps=200, batch_size=4, patch_size=96, learning_rate=1e-4)
  c.esrgan.weight = 5e-3  # Of the adversarial loss.

  c.speed_sizes = ((128, 128), (640, 480))
  c.speed_calls = (5, 3)  # Timed calls at each size, the methods in turn.

  # The GAN of 64 pixels, and the same with the head behind it at 256.
  c.gan = _game(widths=(16, 32, 48, 64), batch_size=8)
  c.gan.steps, c.gan.more = 600, 100  # Alone, and while the stacked one trains.
  c.stacked = _game(widths=(16, 24, 32, 48, 64, 64), batch_size=4)
  c.stacked.optim.learning_rate = 2e-4
  c.sampler = (64, 64, 32, 16, 16)  # Its feature maps at 4 to 64 pixels.
  c.margin = 32  # Pixels that real squares move within.
  c.samples = 8  # Of each seed.
  if 'smoke' in words:
    c.seeds = 1
    c.niqe = c.srcnn = c.srresnet = c.srgan = ''
    c.planted = 4
    c.small_sizes = ()
    for part in (c.tuned, c.head, c.rrdb, c.esrgan):
      part.steps, part.batch_size, part.patch_size = 1, 2, 32
    c.head.blocks, c.head.features = 1, 4
    c.rrdb.features, c.rrdb.growth = 4, 2
    c.speed_sizes, c.speed_calls = ((32, 32),), (1,)
    c.gan.steps, c.gan.more, c.gan.batch_size = 1, 1, 2
    c.gan.critic.widths = (4, 4, 4, 4)
    c.stacked.batch_size, c.stacked.critic.widths = 2, (4, 4, 4, 4, 4, 4)
    c.sampler = (4, 4, 4, 4, 4)
    c.samples = 1
  return c


def _training(
  *, steps: int, batch_size: int, patch_size: int, learning_rate: float
) -> ConfigDict:
  c = ConfigDict()
  c.steps = steps
  c.batch_size = batch_size
  c.patch_size = patch_size
  c.learning_rate = learning_rate
  return c


def _game(*, widths: tuple[int, ...], batch_size: int) -> ConfigDict:
  """Returns what `jsr.experiments.gan_samples.Game` asks for."""
  c = ConfigDict()
  c.critic = ConfigDict({'widths': widths, 'hidden': 64})
  c.adversarial = 'vanilla'
  c.batch_size = batch_size
  c.optim = training.optimizer()
  c.optim.learning_rate = 4e-4
  c.optim.b1 = 0.5
  c.consistency = 1.0
  return c
