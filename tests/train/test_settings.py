"""Configs from files, overrides, and workdirs."""

import json
import pathlib

import pytest

from jsr.errors import UserError
from jsr.train import recipe, settings
from tests.conftest import ROOT

CONFIGS = sorted(
  p.relative_to(ROOT) for p in ROOT.glob('configs/[a-z]*.py') if p.stem != 'default'
)
assert CONFIGS


@pytest.mark.parametrize('path', [pathlib.Path('configs/default.py'), *CONFIGS])
def test_every_config_has_exactly_the_default_keys(path):
  """No key that the loop does not know, none that it needs missing."""
  known = set(settings.flatten(settings.load('configs/default.py')))
  got = set(settings.flatten(settings.load(str(path))))
  extra = {
    k
    for k in got - known
    if not k.startswith(
      ('generator.args.', 'discriminator.args.', 'optim.generator.multipliers.')
    )
  }
  assert not extra
  assert known <= got


@pytest.mark.parametrize('path', CONFIGS)
def test_every_config_has_a_smoke_form_and_a_lab_note(path):
  smoke = settings.load(f'{path}:smoke')
  assert smoke.train.max_steps <= 20
  assert recipe.make(smoke).generator is not None
  note = path.read_text().split('"""')[1]
  for word in ('Command:', 'Cost:', 'Expect:', 'Arguments:'):
    assert word in note, f'{path} does not state {word}'


def test_variants_of_srgan():
  vgg54 = settings.load('configs/srgan.py')
  assert tuple(vgg54.losses.perceptual_layers) == ('relu5_4',)
  assert vgg54.losses.pixel_weight == 0
  mse = settings.load('configs/srgan.py:mse')
  assert mse.losses.perceptual_weight == 0
  assert mse.losses.pixel_weight == 4
  vgg22 = settings.load('configs/srgan.py:vgg22')
  assert tuple(vgg22.losses.perceptual_layers) == ('relu2_2',)


def test_overrides():
  config = settings.load(
    'configs/srresnet.py',
    [
      '--config.optim.generator.learning_rate=0.5',
      '--config.generator.args.blocks=3',
      '--config.eval.sets=("Set5","Set14")',
      '--config.data.augment=False',
    ],
  )
  assert config.optim.generator.learning_rate == 0.5
  assert config.generator.args.blocks == 3
  assert tuple(config.eval.sets) == ('Set5', 'Set14')
  assert config.data.augment is False
  assert config.optim.discriminator.learning_rate == 1e-4  # Not shared.


@pytest.mark.parametrize(
  ('spec', 'overrides', 'message'),
  [
    ('configs/nothing.py', [], 'there is no config file'),
    ('configs/srresnet.py:smok', [], "argument 'smok' is unknown"),
    ('configs/srresnet.py', ['--config.sead=1'], "did you mean 'seed'"),
    (
      'configs/srresnet.py',
      ['--config.optim.generator.learning_rat=1'],
      'learning_rate',
    ),
    ('configs/srresnet.py', ['--config.seed=many'], 'does not fit'),
    ('configs/srresnet.py', ['--config.seed'], 'overrides look like'),
  ],
)
def test_mistakes(spec, overrides, message):
  with pytest.raises(UserError, match=message):
    settings.load(spec, overrides)


def test_a_file_that_is_no_config(tmp_path):
  path = tmp_path / 'broken.py'
  path.write_text('def get_config(arg=""):\n  return undefined_name\n')
  with pytest.raises(UserError, match=r'broken\.py cannot be loaded'):
    settings.load(str(path))


def test_there_and_back(tmp_path):
  config = settings.load('configs/srgan.py:smoke')
  settings.write(tmp_path, config)
  assert settings.flatten(settings.read(tmp_path)) == settings.flatten(
    json.loads(json.dumps(config.to_dict()))
  )
  settings.check_resumable(tmp_path, config)


def test_resuming_with_another_experiment_is_refused(tmp_path):
  config = settings.load('configs/srgan.py:smoke')
  settings.write(tmp_path, config)
  longer = settings.load('configs/srgan.py:smoke', ['--config.train.max_steps=99'])
  settings.check_resumable(tmp_path, longer)
  other = settings.load('configs/srgan.py:smoke', ['--config.seed=7'])
  with pytest.raises(UserError, match='seed was 0 and is 7'):
    settings.check_resumable(tmp_path, other)


def test_a_run_of_an_older_version_goes_on(tmp_path):
  """Keys that came later stand for how it was before."""
  spec = 'configs/srgan.py:smoke'
  old = settings.load(spec)
  with old.unlocked():
    for key in settings._ADDED:
      section, _, name = key.partition('.')
      del old[section][name]
  settings.write(tmp_path, old)
  settings.check_resumable(tmp_path, settings.load(spec))
  other = settings.load(spec, ['--config.train.precision=bfloat16'])
  with pytest.raises(UserError, match="precision was 'float32' and is 'bfloat16'"):
    settings.check_resumable(tmp_path, other)


def test_a_cosine_fixes_the_length_of_the_run(tmp_path):
  spec = 'configs/demo.py:smoke'
  settings.write(tmp_path, settings.load(spec))
  longer = settings.load(spec, ['--config.train.max_steps=99'])
  with pytest.raises(UserError, match=r'train\.max_steps was 6 and is 99'):
    settings.check_resumable(tmp_path, longer)


def test_no_workdir(tmp_path):
  with pytest.raises(UserError, match='is no workdir'):
    settings.read(tmp_path)
  (tmp_path / settings.FILE).write_text('{"seed": ')
  with pytest.raises(UserError, match='is damaged'):
    settings.read(tmp_path)
  (tmp_path / settings.FILE).write_text('[1, 2]')
  with pytest.raises(UserError, match='no config of a jsr run'):
    settings.read(tmp_path)


def test_fields_that_the_config_leaves_at_their_default_can_be_set():
  spec = str(ROOT / 'configs' / 'degraded.py') + ':impulse'
  config = settings.load(
    spec,
    [
      '--config.degradation.args.pepper=0.5',
      '--config.generator.args.remat=True',
      '--config.generator.args.blocks=2',
      '--config.optim.generator.multipliers.tail=0.1',
    ],
  )
  assert config.degradation.args.to_dict() == {'pepper': 0.5}
  assert config.generator.args.remat is True
  assert config.generator.args.blocks == 2
  assert config.optim.generator.multipliers.tail == 0.1
  plan = recipe.make(config)
  assert plan.degradation[4].pepper == (0.5, 0.5)
  bad = settings.load(spec, ['--config.degradation.args.peper=0.5'])
  with pytest.raises(UserError, match="did you mean 'pepper'"):
    recipe.make(bad)
