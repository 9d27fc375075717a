"""What training carries from step to step."""

from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jsr.types import Array, Params, Variables


@flax.struct.dataclass
class Network:
  """A model in training.

  Attributes:
    variables: {'params': ..., 'batch_stats': ..., ...} as Linen returns them.
    opt_state: Optax's state for the parameters.
  """

  variables: Variables
  opt_state: Any


@flax.struct.dataclass
class TrainState:
  """The whole of it; a pytree.

  Attributes:
    step: int32 scalar; updates done or skipped so far.
    generator: Generator and its optimizer.
    discriminator: The same for the discriminator; None in pixel training.
    ema: Exponential moving average of the generator's parameters; None if off.
    frozen: Parameters that losses read and nothing changes, such as VGG19's; not saved.
    skipped: int32 scalar; updates skipped for a non-finite value.
    streak: int32 scalar; how many of them in a row, up to now.
  """

  step: Array
  generator: Network
  discriminator: Network | None
  ema: Params | None
  frozen: Any
  skipped: Array
  streak: Array

  @property
  def inference_variables(self) -> Variables:
    """The generator's variables for use: averaged parameters where there are any."""
    if self.ema is None:
      return self.generator.variables
    return {**self.generator.variables, 'params': self.ema}


def _network(
  model: nn.Module,
  tx: optax.GradientTransformation,
  key: Array,
  image: jax.ShapeDtypeStruct,
) -> Network:
  # Only the parameters are computed, not what the network makes of an image.
  made = model.lazy_init(key, image)
  # A model without parameters has no such collection; what it sows is no state.
  variables = {'params': {}, **made}
  variables.pop('outputs', None)
  return Network(variables=variables, opt_state=tx.init(variables['params']))


def create(
  key: Array,
  *,
  generator: nn.Module,
  generator_tx: optax.GradientTransformation,
  discriminator: nn.Module | None = None,
  discriminator_tx: optax.GradientTransformation | None = None,
  patch_size: int,
  scale: int,
  channels: int = 3,
  ema: bool,
  frozen: Any = None,
) -> TrainState:
  """Makes the state of step 0.

  Args:
    key: Random key of the run.
    generator: See `jsr.models`.
    generator_tx: Its optimizer.
    discriminator: See `jsr.models.discriminators`; None for pixel training.
    discriminator_tx: Its optimizer.
    patch_size: Height and width of HR patches; fixes a discriminator's dense layers.
    scale: HR over LR.
    channels: Of the generator's images.
    ema: Keep a moving average of the generator's parameters.
    frozen: See `TrainState`.
  """
  g_key, d_key = jax.random.split(key)
  side = patch_size // scale
  lr = jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32)
  g = _network(generator, generator_tx, g_key, lr)
  d = None
  if discriminator is not None:
    assert discriminator_tx is not None
    hr = jax.ShapeDtypeStruct((1, patch_size, patch_size, 3), jnp.float32)
    d = _network(discriminator, discriminator_tx, d_key, hr)
  # The average gets buffers of its own: donated buffers may not be shared.
  average = jax.tree.map(jnp.copy, g.variables['params']) if ema else None
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    generator=g,
    discriminator=d,
    ema=average,
    frozen=frozen,
    skipped=jnp.zeros((), jnp.int32),
    streak=jnp.zeros((), jnp.int32),
  )
