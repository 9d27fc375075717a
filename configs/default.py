"""Every key of a config, with its meaning; the other configs change a few of them.

Command: none; this file is imported by the others.
"""

from ml_collections import ConfigDict


def words(arg: str, *known: str) -> set[str]:
  """Splits a config's argument at its commas.

  Raises:
    ValueError: A word that the config does not know.
  """
  got = {word for word in arg.split(',') if word}
  unknown = got - set(known)
  if unknown:
    raise ValueError(
      f"argument '{unknown.pop()}' is unknown; it can be {', '.join(known)}"
    )
  return got


X234 = ('x2', 'x3', 'x4')


def one_of(words: set[str], *choices: str) -> str:
  """Returns the one of `choices` that is among the words; the first one if none is.

  Raises:
    ValueError: More than one: they contradict each other.
  """
  named = [choice for choice in choices if choice in words]
  if len(named) > 1:
    raise ValueError(f"argument '{named[0]}' excludes '{named[1]}'; give one of them")
  return named[0] if named else choices[0]


def scale_of(words: set[str], usual: int) -> int:
  """Returns the factor that one of `X234` names, or the usual one."""
  return int(one_of(words, f'x{usual}', *(x for x in X234 if x != f'x{usual}'))[1:])


def smoke(c: ConfigDict) -> None:
  """Turns a config into a run of seconds that still goes through every part of it."""
  c.data.batch_size = 4
  c.data.patch_size = 32
  c.train.max_steps = 6
  c.eval.every = 3
  c.eval.limit = 1
  c.eval.size = 64
  c.checkpoint.every = 2
  c.log.every = 2


def optimizer() -> ConfigDict:
  """Returns the settings of one optimizer: Adam at 1e-4, as in SRGAN and EDSR."""
  c = ConfigDict()
  c.name = 'adam'  # adam, adamw, sgd, rmsprop, adagrad or adadelta.
  c.learning_rate = 1e-4
  c.schedule = 'constant'  # constant, step, cosine or cooldown.
  c.boundaries = ()  # Steps at which 'step' multiplies the rate by `decay`.
  # Factor of 'step'; share of the rate that 'cosine' and 'cooldown' end at.
  c.decay = 0.0
  c.cooldown = 0.25  # Share of the run in which 'cooldown' falls, linearly, at its end.
  c.warmup = 0  # Steps of linear warm-up.
  c.b1 = 0.9
  c.b2 = 0.999  # Also the decay of rmsprop and adadelta.
  c.eps = 1e-8
  c.momentum = 0.0  # Of sgd and rmsprop.
  c.weight_decay = 0.0  # Of adamw and, as a penalty on the kernels, of sgd.
  c.multipliers = ConfigDict()  # {module: factor on its rate}, such as tail = 0.1.
  c.clip_norm = 0.0  # Clips the gradient's norm; 0 leaves it.
  return c


def get_config() -> ConfigDict:
  """Returns the default: a compact generator trained by L1 on the photographs."""
  c = ConfigDict()
  c.seed = 0
  c.scale = 4
  # A finished run (workdir or .safetensors file) whose generator is the starting
  # point; '' for none.
  c.init_from = ''
  # Modules of the generator that start afresh nevertheless, such as another scale's
  # tail: their top-level names.
  c.init_skip = ()

  c.generator = ConfigDict()
  c.generator.name = 'compact'  # A file of jsr/models.
  c.generator.args = ConfigDict()  # Fields of its `Generator`.

  c.discriminator = ConfigDict()
  c.discriminator.name = ''  # A class of jsr/models/discriminators; '' for none.
  c.discriminator.args = ConfigDict()

  c.degradation = ConfigDict()
  # How LR comes about: a name of jsr/degradations, or 'given' where the data has it.
  c.degradation.name = 'bicubic'
  c.degradation.args = ConfigDict()  # Arguments of it.

  c.losses = ConfigDict()
  c.losses.pixel = 'l1'  # l1, mse or charbonnier, on images in [0, 1].
  c.losses.pixel_weight = 1.0
  # Steps in which the loss passes from the mean over all recursions of DRCN to their
  # weighted sum; 0: no loss on single recursions.
  c.losses.recursion_steps = 0
  c.losses.border = 0  # Pixels of HR that no loss looks at, as padding spoils them.
  c.losses.tv_weight = 0.0  # Total variation of the result.
  c.losses.perceptual_weight = 0.0  # 0 needs no weights of features.
  # Features, each with weight 1: of VGG19 (conv1_1, relu1_1 ... relu5_4, pool5) or of
  # SqueezeNet 1.1 (conv1, fire3, fire5, fire6 ... fire9).
  c.losses.perceptual_layers = ('relu5_4',)
  c.losses.perceptual_norm = 'mse'  # mse or l1.
  c.losses.perceptual_scale = 1.0  # On the features; 1 / 12.75 in SRGAN.
  # VGG19 weights: a file, which may end early (as the normalised one does after
  # relu3_1), or '' to look in the cache and then fetch those of `vgg_source`: keras
  # (Caffe-scaled, SRGAN's 1 / 12.75) or torchvision (ESRGAN).
  c.losses.vgg = ''
  c.losses.vgg_source = 'keras'
  # SqueezeNet's weights: a file (Caffe's or torchvision's), or '' for torchvision's.
  c.losses.squeezenet = ''
  c.losses.adversarial = 'vanilla'  # vanilla, relativistic, lsgan, hinge or wgan-gp.
  c.losses.adversarial_weight = 1e-3

  c.optim = ConfigDict()
  c.optim.generator = optimizer()
  c.optim.discriminator = optimizer()
  c.optim.ema_decay = 0.0  # Moving average of the generator's parameters; 0 for none.

  c.data = ConfigDict()
  c.data.source = 'photographs'  # photographs, a folder, tfds:NAME or records:DIR.
  c.data.split = 'train'
  # Folder of LR for the pictures of the folder `source`, for degradation 'given'; sets
  # of pairs, such as tfds:div2k/unknown_x4, have them.
  c.data.lr = ''
  # resident (device memory), grain (streamed), or auto: resident where it fits.
  c.data.pipeline = 'resident'
  c.data.max_gib = 8.0  # Most pixels that 'resident' keeps.
  c.data.batch_size = 16
  c.data.patch_size = 96  # Height and width of HR patches.
  c.data.augment = True  # Flips and quarter turns.
  c.data.verify = True  # Decode every file once before training.
  c.data.workers = 0  # Worker processes of 'grain'.
  c.data.threads = 4  # Reading threads of 'grain', in each process.

  c.train = ConfigDict()
  c.train.max_steps = 10_000
  c.train.max_minutes = 0.0  # Stops after this time too; 0 for no limit.
  # In which networks compute, float32 or bfloat16; parameters and means stay float32.
  c.train.precision = 'float32'
  # Parts that a batch is cut into, one after the other, where memory is short.
  c.train.accumulate = 1
  c.train.deterministic = False  # Equal bits at each rerun on a GPU too; slower there.
  c.train.parallel = 'jit'  # jit, shard_map or pmap.
  c.train.steps_per_dispatch = 0  # 0: the backend's best; always 1 on a CPU.

  c.eval = ConfigDict()
  c.eval.every = 1000  # Steps; 0 evaluates at the end only.
  c.eval.sets = ('photographs',)
  c.eval.data = ''  # Folder of the sets; the embedded photographs need none.
  c.eval.lr = ''  # Folder beside HR/ with the LR; '' makes LR from HR.
  c.eval.limit = 10  # First pictures of each set; 0 for all.
  c.eval.size = 0  # Centre crop of HR, for speed; 0 for whole pictures.
  c.eval.protocol = 'rgb8'

  c.checkpoint = ConfigDict()
  c.checkpoint.every = 1000  # Steps.
  c.checkpoint.keep = 2  # The latest ones.
  c.checkpoint.keep_every = 0  # And all at multiples of this; 0 for none.
  # And the best by psnr_y or ssim_y of the first set; '' for none.
  c.checkpoint.best_metric = 'psnr_y'

  c.log = ConfigDict()
  c.log.every = 100  # Steps; also how often the guard looks.
  c.log.progress = True  # A bar, where there is a terminal.

  c.guard = ConfigDict()
  c.guard.max_streak = 20  # Non-finite steps in a row before a rollback.
  c.guard.max_rollbacks = 3  # Rollbacks before training stops.
  # Collapse of a GAN: back to the best checkpoint, with lower rates. 0: not watched.
  c.guard.saturation = 0.0  # Discriminator's loss below which it has won, ...
  c.guard.patience = 10  # ... in so many lines of the log in a row.
  c.guard.explosion = 0.0  # Times the median of its last lines that g/total may reach.
  c.guard.drop = 0.0  # How far checkpoint.best_metric may fall below its best.
  c.guard.cut = 0.5  # Factor on the rates of both optimizers.
  return c
