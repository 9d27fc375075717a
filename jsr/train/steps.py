"""The training steps: pure functions `(state, batch, rng) -> (state, metrics)`.

An algorithm is a set of arguments: other losses, another adversarial pair, another
preparation of the batch. Steps are returned uncompiled and know of no device; with
`axis_name` every mean over the batch is taken over that mesh axis too, and
`jsr.train.parallel` compiles either form.

`rng` is the key of the run; a step folds its own number in, and the examples their
positions in the global batch. So a step's randomness depends neither on how many
devices share the batch nor on where a run was interrupted.

A non-finite loss, gradient or state never enters the state: the step is skipped and
counted.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jsr.losses import adversarial as adversarial_losses
from jsr.train import branches
from jsr.train.accumulation import Gradients, in_parts
from jsr.train.state import Network, TrainState
from jsr.types import Array, Batch, Metrics, Params, Variables

Step = Callable[[TrainState, Batch, Array], tuple[TrainState, Metrics]]


class Pair(NamedTuple):
  """What a step trains on.

  Attributes:
    lr: (N, H / scale, W / scale, C), float in [0, 1].
    hr: (N, H, W, C), float in [0, 1].
    drawn: What the degradation drew, (N, ...) by name; scalars an example are logged.
  """

  lr: Array
  hr: Array
  drawn: Mapping[str, Array] = {}


# (batch, per-example keys) -> pair.
Prepare = Callable[[Batch, Array], Pair]


class Context(NamedTuple):
  """What a content loss may look at beside the two images.

  Attributes:
    frozen: `TrainState.frozen`: parameters that nothing changes, such as VGG19's.
    outputs: What the generator sowed into its collection 'outputs', by name.
    step: int32 scalar, for weights that change in the course of a run.
  """

  frozen: Any
  outputs: Mapping[str, Array]
  step: Array


class Loss(NamedTuple):
  """A content loss and its weight.

  Attributes:
    weight: Its factor in the generator's loss.
    fn: `(sr, hr, context) -> scalar`.
  """

  weight: float
  fn: Callable[[Array, Array, Context], Array]


Losses = Mapping[str, Loss]


Mean = Callable[[Any], Any]


def _make_mean(axis_name: str | None) -> Mean:
  """Returns the mean over devices of values that each took over its own share."""
  if axis_name is None:
    return lambda tree: tree
  return lambda tree: jax.lax.pmean(tree, axis_name)


def _synchronised(model: nn.Module, axis_name: str | None) -> nn.Module:
  """Lets a model's batch norm take its statistics over the whole batch."""
  return model.clone(axis_name=axis_name) if hasattr(model, 'axis_name') else model


def _forward(
  model: nn.Module, variables: Variables, params: Params, image: Array
) -> tuple[Array, Variables]:
  """Applies a model in training mode; returns its output and the changed variables."""
  out, rest, _ = _forward_all(model, variables, params, image)
  return out, rest


def _forward_all(
  model: nn.Module, variables: Variables, params: Params, image: Array
) -> tuple[Array, Variables, Mapping[str, Array]]:
  """As `_forward`, and returns what the model sowed into 'outputs' too."""
  rest = {k: v for k, v in variables.items() if k != 'params'}
  out, changed = model.apply(
    {'params': params, **rest}, image, train=True, mutable=[*rest, 'outputs']
  )
  changed = dict(changed)
  # Sown values come as tuples, one entry a call.
  outputs = {name: value[-1] for name, value in changed.pop('outputs', {}).items()}
  return out, {**rest, **changed}, outputs


def _update(
  tx: optax.GradientTransformation,
  network: Network,
  grads: Params,
  rest: Variables,
  rate: float,
  branch: branches.Branch | None = None,
) -> Network:
  params = network.variables['params']
  updates, opt_state = tx.update(grads, network.opt_state, params)
  if rate != 1:
    updates = jax.tree.map(lambda u: rate * u, updates)
  if branch is not None:
    updates, opt_state = branches.only(branch, updates, opt_state, network.opt_state)
  params = optax.apply_updates(params, updates)
  return Network(variables={**rest, 'params': params}, opt_state=opt_state)


def _content(
  losses: Losses, sr: Array, hr: Array, context: Context
) -> tuple[Array, Metrics]:
  values = {name: loss.fn(sr, hr, context) for name, loss in losses.items()}
  total = sum((losses[n].weight * v for n, v in values.items()), jnp.zeros(()))
  return total, {f'g/{name}': v for name, v in values.items()}


def _drawn(pair: Pair) -> Metrics:
  """Means of what the degradation drew."""
  return {
    f'degradation/{name}': jnp.mean(value.astype(jnp.float32))
    for name, value in pair.drawn.items()
    if value.ndim == 1
  }


def _keep_finite(
  old: TrainState, new: TrainState, metrics: Metrics
) -> tuple[TrainState, Metrics]:
  """Takes the new state only if it and the metrics are finite."""
  trained = (new.generator, new.discriminator, new.ema)
  leaves = [
    x for x in jax.tree.leaves(trained) if jnp.issubdtype(x.dtype, jnp.floating)
  ]
  # One sum a leaf: a NaN or an infinity anywhere makes it non-finite.
  sums = [jnp.sum(x.astype(jnp.float32) * 0) for x in leaves] + list(metrics.values())
  ok = jnp.isfinite(jnp.stack([jnp.asarray(s, jnp.float32) for s in sums])).all()
  state = jax.tree.map(lambda a, b: jnp.where(ok, b, a), old, new)
  bad = 1 - ok.astype(jnp.int32)
  state = dataclasses.replace(
    state,
    step=old.step + 1,
    skipped=old.skipped + bad,
    streak=jnp.where(ok, 0, old.streak + 1),
  )
  # Zeros in place of NaNs: the log's mean divides by the steps that counted.
  metrics = {name: jnp.where(ok, value, 0.0) for name, value in metrics.items()}
  return state, {**metrics, 'skipped': bad.astype(jnp.float32)}


def _example_keys(rng: Array, step: Array, batch: Batch) -> Array:
  """Returns a key for each example, by its position in the global batch."""
  return jax.vmap(jax.random.fold_in, (None, 0))(
    jax.random.fold_in(rng, step), batch['index']
  )


def _stream(keys: Array, number: int) -> Array:
  """Derives independent keys for another use of the same examples."""
  return jax.vmap(jax.random.fold_in, (0, None))(keys, number)


def _averaged(state: TrainState, generator: Network, decay: float) -> Params | None:
  if state.ema is None:
    return None
  return optax.incremental_update(generator.variables['params'], state.ema, 1 - decay)


def make_pixel_step(
  *,
  generator: nn.Module,
  tx: optax.GradientTransformation,
  losses: Losses,
  prepare: Prepare,
  ema_decay: float = 0.0,
  rate: float = 1.0,
  accumulate: int = 1,
  branch: branches.Branch | None = None,
  axis_name: str | None = None,
) -> Step:
  """Returns the step that trains a generator by content losses alone.

  Args:
    generator: See `jsr.models`.
    tx: Its optimizer.
    losses: Content losses by name; metrics are called 'g/<name>'.
    prepare: Makes the pair from a batch and its examples' keys.
    ema_decay: Of the moving average, where the state keeps one.
    rate: Factor on the optimizer's steps.
    accumulate: Into how many parts, one after the other, a batch is cut to save memory.
    branch: Of a generator with branches, the one that this step trains beside what
      they share; the others stay as they are, and so do their optimizers' states.
    axis_name: Mesh axis that the batch is spread over, or None.
  """
  mean = _make_mean(axis_name)
  generator = _synchronised(generator, axis_name)

  def gradients(state: TrainState, batch: Batch, rng: Array) -> Gradients:
    keys = _example_keys(rng, state.step, batch)
    pair = prepare(batch, _stream(keys, 0))

    def loss_fn(params: Params) -> tuple[Array, tuple[Metrics, Variables]]:
      sr, rest, outputs = _forward_all(
        generator, state.generator.variables, params, pair.lr
      )
      context = Context(state.frozen, outputs, state.step)
      total, metrics = _content(losses, sr, pair.hr, context)
      return total, (metrics, rest)

    (total, (metrics, rest)), grads = jax.value_and_grad(loss_fn, has_aux=True)(
      state.generator.variables['params']
    )
    metrics = {**metrics, 'g/total': total, **_drawn(pair)}
    return Gradients({'generator': grads}, {'generator': rest}, metrics)

  whole = in_parts(gradients, accumulate)

  def step(state: TrainState, batch: Batch, rng: Array) -> tuple[TrainState, Metrics]:
    got = whole(state, batch, rng)
    grads, rest = mean(got.grads['generator']), got.rest['generator']
    g = _update(tx, state.generator, grads, rest, rate, branch)
    average = _averaged(state, g, ema_decay)
    new = dataclasses.replace(state, generator=g, ema=average)
    return _keep_finite(state, new, mean(got.metrics))

  return step


def make_gan_step(
  *,
  generator: nn.Module,
  discriminator: nn.Module,
  generator_tx: optax.GradientTransformation,
  discriminator_tx: optax.GradientTransformation,
  losses: Losses,
  adversarial: adversarial_losses.Adversarial,
  adversarial_weight: float,
  prepare: Prepare,
  ema_decay: float = 0.0,
  rate: float = 1.0,
  accumulate: int = 1,
  axis_name: str | None = None,
) -> Step:
  """Returns the step that trains generator and discriminator once each.

  One forward pass of the generator serves both updates: the discriminator is trained on
  the same pictures that the generator is judged by, detached. Both updates start from
  the networks as they were before the step.

  Args:
    generator: See `jsr.models`.
    discriminator: See `jsr.models.discriminators`.
    generator_tx: The generator's optimizer.
    discriminator_tx: The discriminator's optimizer.
    losses: Content losses by name; metrics are called 'g/<name>'.
    adversarial: The pair of functions of logits; see `jsr.losses.adversarial`.
    adversarial_weight: Of its generator part; 1e-3 in SRGAN.
    prepare: Makes the pair from a batch and its examples' keys.
    ema_decay: Of the moving average, where the state keeps one.
    rate: Factor on both optimizers' steps.
    accumulate: Into how many parts, one after the other, a batch is cut to save memory;
      batch norm and relativistic losses see one part at a time.
    axis_name: Mesh axis that the batch is spread over, or None.

  Source of the default pair and weight: Ledig et al., 2017, equations 2, 3 and 6.
  """
  mean = _make_mean(axis_name)
  generator = _synchronised(generator, axis_name)
  discriminator = _synchronised(discriminator, axis_name)

  def batch_mean(x: Array) -> Array:
    return mean(jnp.mean(x))

  def gradients(state: TrainState, batch: Batch, rng: Array) -> Gradients:
    keys = _example_keys(rng, state.step, batch)
    pair = prepare(batch, _stream(keys, 0))
    lr, hr = pair.lr, pair.hr
    assert state.discriminator is not None
    d_variables = state.discriminator.variables

    def g_loss(params: Params) -> tuple[Array, tuple[Metrics, Variables, Array]]:
      sr, rest, outputs = _forward_all(generator, state.generator.variables, params, lr)
      context = Context(state.frozen, outputs, state.step)
      content, metrics = _content(losses, sr, hr, context)
      # Training-mode statistics here too, or the two updates would see two
      # discriminators; what they do to the running averages is dropped.
      fake, _ = _forward(discriminator, d_variables, d_variables['params'], sr)
      real = jnp.zeros_like(fake)
      if adversarial.generator_needs_real:
        real, _ = _forward(discriminator, d_variables, d_variables['params'], hr)
      judged = adversarial.generator(real, fake, batch_mean)
      total = content + adversarial_weight * judged
      return total, ({**metrics, 'g/adversarial': judged}, rest, sr)

    (total, (metrics, g_rest, sr)), grads = jax.value_and_grad(g_loss, has_aux=True)(
      state.generator.variables['params']
    )
    sr = jax.lax.stop_gradient(sr)

    def d_loss(params: Params) -> tuple[Array, tuple[Metrics, Variables]]:
      # Real and fake pass separately: batch norm must not tell them apart by mixing.
      real, rest = _forward(discriminator, d_variables, params, hr)
      fake, rest = _forward(discriminator, {**rest, 'params': params}, params, sr)
      loss = adversarial.discriminator(real, fake, batch_mean)
      metrics = {
        'd/loss': loss,
        'd/real': jnp.mean(real),
        'd/fake': jnp.mean(fake),
      }
      if adversarial.gradient_penalty:

        def critic(image: Array) -> Array:
          return _forward(discriminator, d_variables, params, image)[0]

        penalty = adversarial_losses.gradient_penalty(critic, hr, sr, _stream(keys, 1))
        loss += adversarial.gradient_penalty * penalty
        metrics['d/penalty'] = penalty
      return loss, (metrics, rest)

    (_, (d_metrics, d_rest)), d_grads = jax.value_and_grad(d_loss, has_aux=True)(
      d_variables['params']
    )
    metrics = {**metrics, 'g/total': total, **d_metrics, **_drawn(pair)}
    return Gradients(
      {'generator': grads, 'discriminator': d_grads},
      {'generator': g_rest, 'discriminator': d_rest},
      metrics,
    )

  whole = in_parts(gradients, accumulate)

  def step(state: TrainState, batch: Batch, rng: Array) -> tuple[TrainState, Metrics]:
    got = whole(state, batch, rng)
    assert state.discriminator is not None
    grads, rest = mean(got.grads), got.rest
    g = _update(
      generator_tx, state.generator, grads['generator'], rest['generator'], rate
    )
    d = _update(
      discriminator_tx,
      state.discriminator,
      grads['discriminator'],
      rest['discriminator'],
      rate,
    )
    average = _averaged(state, g, ema_decay)
    new = dataclasses.replace(state, generator=g, discriminator=d, ema=average)
    return _keep_finite(state, new, mean(got.metrics))

  return step
