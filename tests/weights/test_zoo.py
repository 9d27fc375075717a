"""`jsr zoo`, and where the model file of a name comes from."""

import http.server
import importlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import urllib.error

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jsr
from jsr import cli, models
from jsr.errors import UserError
from jsr.evaluate import benchmark, conversion, extra, methods
from jsr.weights import embedded, fetch, lpips, model_file
from tests.conftest import ROOT

NAME = 'srcnn-x3'
FILE = f'{NAME}.safetensors'


@pytest.fixture
def lean(tmp_path, monkeypatch):
  """A package without model files, and a folder that has them."""
  package, place = tmp_path / 'package', tmp_path / 'place'
  package.mkdir()
  place.mkdir()
  shutil.copy(embedded.path(NAME), place)
  for suffix in ('json', 'md'):
    shutil.copy(embedded.FOLDER / f'{NAME}.{suffix}', package)
  monkeypatch.setattr(embedded, 'FOLDER', package)
  monkeypatch.setenv('JSR_CACHE', str(tmp_path / 'cache'))
  monkeypatch.delenv(embedded.VARIABLE, raising=False)
  return place


class Handler(http.server.SimpleHTTPRequestHandler):
  """Serves a folder; the first answer breaks off in the middle."""

  def log_message(self, *args):
    pass

  def do_GET(self):
    body = (self.server.folder / self.path.lstrip('/')).read_bytes()
    asked = self.headers.get('Range')
    self.server.ranges.append(asked)
    start = int(asked.removeprefix('bytes=').removesuffix('-')) if asked else 0
    self.send_response(206 if asked else 200)
    if asked:
      self.send_header('Content-Range', f'bytes {start}-{len(body) - 1}/{len(body)}')
    self.send_header('Content-Length', str(len(body) - start))
    self.send_header('ETag', '"one"')
    self.end_headers()
    end = len(body) // 2 if len(self.server.ranges) == 1 else len(body)
    self.wfile.write(body[start:end])


@pytest.fixture
def server(lean):
  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as found:
    found.folder, found.ranges = lean, []
    thread = threading.Thread(
      target=found.serve_forever, kwargs={'poll_interval': 0.01}
    )
    thread.start()
    yield found
    found.shutdown()
    thread.join()


def run(*words):
  return cli.main(['zoo', *map(str, words)])


def mistake(capsys, *words):
  capsys.readouterr()
  assert run(*words) == 2
  out, err = capsys.readouterr()
  assert out == ''
  assert err.startswith('jsr zoo: ')
  assert err.count('\n') == 1
  return err


def test_list(capsys, tmp_path):
  assert run('list') == 0
  head, *lines = capsys.readouterr().out.splitlines()
  assert head.split()[:5] == ['name', 'network', 'scale', 'MB', 'Set5']
  assert [line.split()[0] for line in lines] == embedded.names()
  row = next(line for line in lines if line.startswith('compact-x4 '))
  assert row.split()[1:5] == ['compact', 'x4', '1.45', '31.50']
  row = next(line for line in lines if line.startswith('mdsr-x4 '))
  assert row.split()[1:5] == ['mdsr', 'x2,x3,x4', '6.47', '30.24']
  assert run('list', '--json') == 0
  known = json.loads(capsys.readouterr().out)
  assert [record['name'] for record in known] == embedded.names()
  assert run('list', '--json', tmp_path / 'zoo.json') == 0
  assert json.loads((tmp_path / 'zoo.json').read_text()) == known


def test_card(capsys):
  assert run('card', NAME) == 0
  assert capsys.readouterr().out == (embedded.FOLDER / f'{NAME}.md').read_text()
  assert "did you mean 'srcnn-x3'" in mistake(capsys, 'card', 'srcnn-x33')


def test_cards_and_the_page_say_what_the_records_say():
  command = [sys.executable, 'benchmarks/zoo.py', 'check']
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('name', embedded.names())
def test_a_record_is_complete(name):
  record = embedded.record(name)
  assert record['name'] == name
  for key in ('about', 'data', 'data_licence', 'recipe', 'command', 'device'):
    assert record[key], key
  assert record['hours_of_last_run'] > 0
  assert all(run['what'] for run in record['before'])
  # What starts from another network counts that one's time.
  assert bool(record['before']) == bool(
    re.search(r'init_from|from-x4|,gan', record['command'])
  )
  colour = [row for row in record['results'] if row['protocol'] == 'rgb8']
  assert 'LPIPS' in record['missing'] or all('lpips_alex' in row for row in colour)
  assert {row['set'] for row in record['results']} == {'Set5', 'Set14', 'BSD100'}
  for row in record['results']:
    assert {'psnr_y', 'ssim_y', 'bicubic', 'protocol'} <= {*row}
  assert record['paper'] is None or (
    record['paper']['psnr_y'] and record['paper']['why']
  )
  assert record['stored'] in ('float32', 'float16')
  if record['stored'] == 'float16':
    assert record['float16_loss'] < 0.005
  else:
    assert record['float16_loss'] >= 0.005 or record['float32_because']
  path = embedded.path(name)
  assert path.parent == embedded.FOLDER
  assert path.stat().st_size == record['bytes']
  embedded.check(name, path)
  kinds = {str(a.dtype) for a in stored(path).values() if a.ndim > 1}
  assert kinds == {record['stored']}
  # In the memory of whoever uses it, and in git.
  model = conversion.load(path)
  flat = model_file.flatten(model.variables)
  assert {a.dtype for a in flat.values()} == {np.dtype('float32')}
  assert (model.generator, model.scale) == (record['generator'], record['scale'])


def stored(path):
  import safetensors

  with safetensors.safe_open(path, 'numpy') as f:
    # It has keys() and cannot be iterated.
    return {key: f.get_tensor(key) for key in f.keys()}  # noqa: SIM118


def test_all_together_are_small():
  assert sum(embedded.record(name)['bytes'] for name in embedded.names()) < 60e6


@pytest.mark.parametrize('name', [n for n in embedded.names() if n.endswith('-gan')])
def test_a_partner_enlarges(name):
  """The others do where test_embedded.py measures them."""
  lr = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
  network = methods.resolve(name)
  hr = network.upscale_uint8(lr, network.scale)
  assert hr.shape == (9 * network.scale, 8 * network.scale, 3)


@pytest.fixture
def zoo(monkeypatch):
  """benchmarks/zoo.py."""
  monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
  return importlib.import_module('zoo')


def test_lpips_is_looked_for(zoo, monkeypatch, tmp_path, capsys):
  """A record says that it is missing only where the weights cannot be had."""
  monkeypatch.setenv('JSR_CACHE', str(tmp_path))

  def no(*_, **__):
    raise urllib.error.URLError('no network')

  monkeypatch.setattr(lpips.find, '__kwdefaults__', {**lpips.find.__kwdefaults__})
  monkeypatch.setitem(lpips.find.__kwdefaults__, 'opener', no)
  found, missing = zoo.lpips()
  assert found == []
  assert 'not at hand' in missing['LPIPS']
  assert str(tmp_path) not in missing['LPIPS']
  assert 'no network' in capsys.readouterr().err
  metric = object()
  monkeypatch.setattr(extra, 'open_metrics', lambda names, rule: [metric])
  assert zoo.lpips() == ([metric], {})


def test_hours_of_all_runs(zoo):
  cards = zoo.zoo_cards
  record = {**embedded.record('espcn-x3'), 'before': []}
  record |= {'hours_of_last_run': 0.4, 'device': 'beside other work, on X; today'}
  assert cards.hours(record) == '0.4'
  record['before'] = zoo.before(13_600, 4.3)
  assert cards.hours(record) == '4.7'
  told = 'on X; today. Before it: 13,600 steps of another run, 4.3 hours |'
  assert told in cards.card(record)
  record['before'] += zoo.before(5_000, 0.0)
  assert cards.hours(record) == '`>` 4.7'
  assert '5,000 steps of another run, not timed |' in cards.card(record)


def test_the_page_asks_the_records(zoo):
  """Devices, and what has LPIPS."""
  one, two = embedded.record('espcn-x3'), embedded.record('srcnn-x3')
  one = {**one, 'device': 'on a B200; today', 'missing': {}}
  one['results'] = [{**row, 'lpips_alex': 0.25} for row in one['results']]
  two = {**two, 'missing': {'LPIPS': 'no network'}}
  page = ' '.join(zoo.zoo_cards.page([one, two], {'x': 'jsr train'}, '').split())
  assert 'were trained on a B200; beside other work, on Intel' in page
  assert 'LPIPS is unavailable for srcnn-x3: no network.' in page
  assert '| 0.9054 | 0.2500 |' in zoo.zoo_cards.card(one)
  assert 'LPIPS' not in zoo.zoo_cards.card(one).replace('| SSIM | LPIPS |', '')


def test_every_factor_is_measured(zoo, tmp_path, monkeypatch):
  args = {'scales': (2, 3, 4), 'blocks': 1, 'features': 4}
  network = models.build('mdsr', scale=4, **args)
  variables = network.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  path = tmp_path / 'mdsr.safetensors'
  model_file.save(path, generator='mdsr', scale=4, args=args, variables=variables)

  def measure(method, pictures, scale, rule, **options):
    return {
      'method': method.label,
      'set': pictures.name,
      'scale': scale,
      'psnr_y': 10.0 * scale,
    }

  monkeypatch.setattr(benchmark, 'measure', measure)
  site = tmp_path / 'site'
  site.mkdir()
  monkeypatch.setattr(zoo, 'SITE', site)
  for scale in (2, 3, 4):
    old = {'method': 'bicubic', 'set': 'photographs', 'scale': scale}
    (site / f'x{scale}.json').write_text(json.dumps({'rows': [old]}))
  rows = zoo.measure(path, 'mdsr', None, ['photographs'], [])
  assert [row['scale'] for row in rows] == [4, 2, 3]
  monkeypatch.setattr(benchmark, 'to_json', lambda row: row)
  zoo.tell_site('mdsr', [{**row, 'per_image': {}} for row in rows])
  for scale in (2, 3, 4):
    found = json.loads((site / f'x{scale}.json').read_text())['rows']
    assert [(row['method'], row['scale']) for row in found] == [
      ('bicubic', scale),
      ('mdsr', scale),
    ]
  assert zoo.on_set5([{**row, 'set': 'Set5'} for row in rows]) == {
    (4, 'rgb8'): 40.0,
    (2, 'rgb8'): 20.0,
    (3, 'rgb8'): 30.0,
  }


def test_a_network_of_several_factors(zoo):
  cards = zoo.zoo_cards
  record = {**embedded.record('espcn-x3'), 'paper': None}
  rows = [row for row in record['results'] if row['protocol'] == 'y_float']
  record['results'] = [*rows, *({**row, 'scale': 2, 'psnr_y': 36.789} for row in rows)]
  assert cards.psnr(record, 'Set5', 'y_float') != 36.789
  card = cards.card(record)
  assert 'jsr compare --methods bicubic,espcn-x3 --scale 3 ' in card
  assert 'jsr compare --methods bicubic,espcn-x3 --scale 2 ' in card
  assert '| Set5 x3 | y_float |' in card
  assert '| Set5 x2 | y_float | 30.39 | 36.79 |' in card
  page = cards.page([record], {}, '')
  assert page.count('[espcn-x3](') == 1
  assert '| the same, x2 |  |  |  | y_float | 36.79 / 0.9049 |' in page


def test_fetch_from_the_package(capsys, tmp_path, monkeypatch):
  assert run('fetch', NAME) == 0
  assert str(embedded.path(NAME)) in capsys.readouterr().out
  for target, written in [
    (tmp_path / 'new' / 'folder', tmp_path / 'new' / 'folder' / FILE),
    (tmp_path / 'other.safetensors', tmp_path / 'other.safetensors'),
  ]:
    assert run('fetch', NAME, '-o', target) == 0
    assert written.read_bytes() == embedded.path(NAME).read_bytes()
  assert sorted(p.name for p in tmp_path.rglob('*.safetensors')) == [
    'other.safetensors',
    FILE,
  ]
  # Again it is the same file; another one is not overwritten.
  assert run('fetch', NAME, '-o', tmp_path / 'new' / 'folder') == 0
  (tmp_path / 'other.safetensors').write_text('mine')
  err = mistake(capsys, 'fetch', NAME, '-o', tmp_path / 'other.safetensors')
  assert f'exists and is not {NAME}' in err
  assert (tmp_path / 'other.safetensors').read_text() == 'mine'
  # A damaged one is not handed on.
  monkeypatch.setattr(
    embedded, 'record', lambda name: {'sha256': '0' * 64, 'name': name}
  )
  err = mistake(capsys, 'fetch', NAME, '-o', tmp_path / 'again')
  assert f'is not the model file of {NAME}' in err
  assert not (tmp_path / 'again').exists()


def test_a_target_that_cannot_be_written(capsys, tmp_path):
  (tmp_path / 'file').write_text('here')
  err = mistake(capsys, 'fetch', NAME, '-o', tmp_path / 'file')
  assert 'cannot write' in err
  assert 'unknown model' in mistake(capsys, 'fetch', 'nothing', '-o', tmp_path / 'new')
  assert sorted(p.name for p in tmp_path.iterdir()) == ['file']


def test_what_is_not_at_hand_says_how_to_get_it(lean, capsys, monkeypatch):
  assert embedded.names() == [NAME]
  for err in (mistake(capsys, 'fetch', NAME), says(jsr.load, NAME)):
    assert f'`jsr zoo fetch {NAME} --from`' in err
    assert 'JSR_ZOO' in err
  assert run('list') == run('card', NAME) == 0  # Knowing of it needs no file.


def says(function, *args):
  with pytest.raises(UserError) as caught:
    function(*args)
  return str(caught.value)


def test_fetch_from_a_folder(lean, capsys, tmp_path, monkeypatch):
  err = mistake(capsys, 'fetch', NAME, '--from', tmp_path)
  assert f'there is no {FILE} in {tmp_path}' in err
  assert run('fetch', NAME, '--from', lean) == 0
  # From now on it is at hand by its name alone.
  assert methods.resolve(NAME).scale == 3
  assert conversion.find('srcnn').scale == 3
  assert jsr.load(NAME).factor == 3
  kept = list((tmp_path / 'cache' / 'zoo').glob('*.safetensors'))
  assert [p.read_bytes() for p in kept] == [(lean / FILE).read_bytes()]


def test_the_variable_names_a_place(lean, monkeypatch):
  monkeypatch.setenv(embedded.VARIABLE, str(lean))
  assert methods.resolve(NAME).scale == 3


def test_a_damaged_file_of_the_cache_heals(lean, capsys, tmp_path):
  assert run('fetch', NAME, '--from', lean) == 0
  (cached,) = (tmp_path / 'cache' / 'zoo').glob('*.safetensors')
  whole = cached.read_bytes()
  damaged = bytearray(whole)
  damaged[-1] ^= 1
  # By the command, and by whatever else wants the file.
  cached.write_bytes(damaged)
  assert run('fetch', NAME, '--from', lean, '-o', tmp_path / 'new') == 0
  assert cached.read_bytes() == (tmp_path / 'new' / FILE).read_bytes() == whole
  cached.write_bytes(damaged)
  assert embedded.path(NAME, str(lean)).read_bytes() == whole
  cached.write_bytes(damaged)
  assert f'`jsr zoo fetch {NAME} --from`' in says(methods.resolve, NAME)
  assert not cached.exists()


def test_a_damaged_file_is_fetched_again(server, tmp_path):
  address = f'http://127.0.0.1:{server.server_port}'
  assert run('fetch', NAME, '--from', address) == 0
  (cached,) = (tmp_path / 'cache' / 'zoo').glob('*.safetensors')
  whole = cached.read_bytes()
  cached.write_bytes(b'damaged')
  assert run('fetch', NAME, '--from', address) == 0
  assert cached.read_bytes() == whole


def test_places_that_cannot_be_read(lean, capsys, monkeypatch, tmp_path):
  err = mistake(capsys, 'fetch', NAME, '--from', '~nobody-of-that-name/x')
  assert '~nobody-of-that-name/x: there is no such user' in err
  monkeypatch.setenv(embedded.VARIABLE, '~nobody-of-that-name/x')
  assert 'there is no such user' in mistake(capsys, 'fetch', NAME)
  opened = pathlib.Path.open

  def closed(self, *args, **options):
    if self.parent == lean:
      raise PermissionError(13, 'Permission denied')
    return opened(self, *args, **options)

  # Whoever runs this may be root, who can read everything.
  monkeypatch.setattr(pathlib.Path, 'open', closed)
  err = mistake(capsys, 'fetch', NAME, '--from', lean)
  assert f'cannot read {lean / FILE}: Permission denied' in err
  monkeypatch.undo()
  monkeypatch.setenv('JSR_CACHE', '~nobody-of-that-name/cache')
  assert 'the variable JSR_CACHE' in says(fetch.cache_dir)


def test_another_file_of_that_name(lean, capsys, tmp_path):
  model_file.save(
    lean / FILE, generator='srcnn', scale=3, args={}, variables={'params': {}}
  )
  err = mistake(capsys, 'fetch', NAME, '--from', lean, '-o', tmp_path / 'new')
  assert f'is not the model file of {NAME}' in err
  assert not (tmp_path / 'new').exists()
  assert not (tmp_path / 'cache').exists()


def test_fetch_from_a_server_resumes(server, tmp_path):
  address = f'http://127.0.0.1:{server.server_port}/'
  assert run('fetch', NAME, '--from', address, '-o', tmp_path / 'here') == 0
  whole = (server.folder / FILE).read_bytes()
  assert (tmp_path / 'here' / FILE).read_bytes() == whole
  assert server.ranges == [None, f'bytes={len(whole) // 2}-']
  assert run('fetch', NAME) == 0
  assert len(server.ranges) == 2


def test_a_server_with_another_file(server, capsys, tmp_path):
  (server.folder / FILE).write_bytes(b'other weights')
  address = f'http://127.0.0.1:{server.server_port}'
  err = mistake(capsys, 'fetch', NAME, '--from', address)
  assert 'did not give the expected file' in err
  assert '--from' in err
  assert not list((tmp_path / 'cache').rglob('*.safetensors'))
