"""Is report 000's Taguchi study of SR-NET true, and what does its own table say?

Command: jsr study-taguchi --data DATA
Cost: twenty minutes on one core (`:smoke` takes seconds and needs no data).

Arguments: `table` (default), the levels of the report's table of results, or `slide`,
those of its slide of factors; `smoke`.
"""

from ml_collections import ConfigDict

from configs import default as recipes
from configs.studies import default


def get_config(arg: str = '') -> ConfigDict:
  """Returns the study's config; see the top of the file for `arg`."""
  words = recipes.words(arg, 'table', 'slide', 'smoke')
  preset = recipes.one_of(words, 'table', 'slide')
  c = default.get_config()
  c.preset = preset
  # Factors A to D of L9, each with its three levels.
  c.learning_rate = (1e-2, 1e-3, 1e-4)
  c.optimizer = ('rmsprop', 'adam', 'adagrad')
  c.activation = ('tanh', 'sigmoid', 'relu')
  c.filters = (32, 64, 128)
  if preset == 'slide':
    c.optimizer = ('adadelta', 'adam', 'adagrad')
    c.activation = ('tanh', 'elu', 'relu')
  c.steps = 600
  # Of batch norm's running statistics. Keras' 0.99 would still hold half of their first
  # values after so few steps, and tell nothing of the networks.
  c.momentum = 0.9
  c.batch_size = 4
  c.patch_size = 64  # Of HR; a multiple of 32.
  c.source = 'train/DIV2K_test_LRx4'  # In DATA; '' for the embedded photographs.
  c.validation = 'DIV2K_valid_subset'  # In DATA, or 'photographs'.
  c.validation_size = 256  # Centre crop.
  # The response whose best levels are confirmed: accuracy, loss or psnr_y.
  c.criterion = 'loss'
  # How runs of one program train: vmap, sequence, or auto (vmap on an accelerator).
  c.together = 'auto'
  c.measured_steps = 2  # Repeats of the comparison of the two; 0 for none.
  if 'smoke' in words:
    c.seeds = 2
    c.filters = (2, 4, 8)
    c.steps = 3
    c.patch_size = 32
    c.source = ''
    c.validation = 'photographs'
    c.validation_size = 64
    c.measured_steps = 0
  return c
