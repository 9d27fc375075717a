"""Times of steps in turn."""

from ml_collections import ConfigDict

from jsr.experiments import step_time


def test_steps_take_turns(monkeypatch):
  ran = []
  clock = iter(range(100))

  def runner(config):
    return lambda: ran.append(config.name)

  monkeypatch.setattr(step_time, '_runner', runner)
  monkeypatch.setattr(step_time.time, 'process_time', lambda: next(clock) ** 2)
  configs = {name: ConfigDict({'name': name}) for name in 'ab'}
  got = step_time.alternate(configs, 2)
  # Two each to warm up, which no clock sees.
  assert ''.join(ran) == 'aabb' + 'abab'
  assert got == {'a': [1, 9], 'b': [5, 13]}
