"""A GAN small enough for tests, shared so that it compiles once a process."""

from ml_collections import ConfigDict

from configs import default


def config(*, gan: bool = True, **changes: object) -> ConfigDict:
  """Two blocks of SRResNet against a narrow discriminator, in seconds."""
  c = default.get_config()
  default.smoke(c)
  c.generator.name = 'srresnet'
  c.generator.args.blocks = 1
  c.generator.args.features = 8
  c.losses.pixel = 'mse'
  c.optim.ema_decay = 0.9
  c.checkpoint.best_metric = ''
  c.log.progress = False
  c.data.verify = False
  if gan:
    c.discriminator.name = 'SRGANPool'
    c.discriminator.args.features = 4
    c.discriminator.args.hidden = 8
    c.discriminator.args.batch_norm = True
  for key, value in changes.items():
    node = c
    *path, last = key.split('__')
    for part in path:
      node = node[part]
    with node.unlocked():
      node[last] = value
  return c
