"""Published tables beside ours: as printed, differences, and what is missing."""

import csv
import dataclasses
import io
import json
import math
import re

import numpy as np
import pytest

from jsr import cli, models
from jsr.errors import UserError
from jsr.evaluate import methods, protocol
from jsr.experiments.reproduce import formats, quoted, report, run, scores, speed
from jsr.metrics import registry
from tests import images, workdirs

TIMINGS = {
  'nearest': 0.001,
  'bicubic': 0.01,
  'anime4k': 0.02,
  'srcnn': 0.3,
  'espcn': 0.2,
  'srresnet': 4.0,
  'rrdb': 0.1,
}


def timer(name, scale, width, height):
  parameters = 1234 * (name not in ('nearest', 'bicubic', 'anime4k'))
  return speed.Timing(TIMINGS[name], 1.5, 2_000_000, 5, parameters)


def measure_like(table, figures):
  """Measures nothing: gives each method the figures it is told."""

  def measure(specs, set_name):
    rows = []
    for spec in specs:
      label = spec.partition('=')[0]
      metrics = {c.metric: None for c in table.columns if c.metric}
      rows.append(
        {
          'method': label,
          'set': set_name,
          'n': 5,
          'note': f'as {label}',
          **metrics,
          **figures.get((label, set_name), {}),
        }
      )
    protocol = {'name': table.protocol, 'description': 'A stub.'}
    return {
      'rows': rows,
      'protocol': protocol,
      'versions': {'jsr': '1'},
      'date': 'now',
      'references': {set_name: 'published' if set_name == 'Set5' else 'no reference'},
    }

  return measure


@pytest.fixture
def data(tmp_path):
  """Folders of sets, of which a stub needs only the names."""
  for name in ('Set5', 'Set14'):
    (tmp_path / 'data' / name / 'HR').mkdir(parents=True)
  return str(tmp_path / 'data')


@pytest.fixture
def benchmark(data):
  table = quoted.load('report002-benchmark')
  figures = {
    ('nearest', 'Set5'): {'psnr_y': 26.254, 'ssim_daala': 0.75524, 'ssim_y': 0.7},
    ('bicubic', 'Set5'): {'psnr_y': 28.425, 'ssim_daala': 0.82014, 'ssim_y': 0.8111},
  }
  return run.reproduce(table, data=data, measure=measure_like(table, figures))


def lines(made, block, method):
  return [line for line in made.blocks[block].lines if line.method == method]


def test_every_table_is_sound():
  for name in quoted.names():
    table = quoted.load(name)
    keys, columns = {m.key for m in table.methods}, {c.key for c in table.columns}
    assert table.name == name
    assert len(keys) == len(table.methods)
    assert {row.source for row in table.quoted} <= set(table.sources)
    for row in table.quoted:
      assert row.method in keys
      assert set(row.values) <= columns
      for text in row.values.values():
        assert re.fullmatch(r'\d+(\.\d+)?\*?|∞', text)
    for places in table.rankings.values():
      assert {key for place in places for key in place} <= keys
    # Each quoted figure stands once.
    places = [(row.method, row.set, row.source) for row in table.quoted]
    assert len(set(places)) == len(places)


def test_protocols_measure_what_the_tables_ask_for():
  for name in quoted.names():
    table = quoted.load(name)
    asked = {c.metric for c in table.columns if c.metric}
    if table.protocol is None:
      assert not asked
      continue
    rule = protocol.get(table.protocol)
    assert asked <= {c.key for c in rule.columns} | set(table.extra)
    assert set(table.extra) <= set(registry.METRICS)


def test_generators_of_the_speed_table_exist():
  wanted = {m.generator for m in quoted.load('report004').methods}
  assert wanted <= set(models.generator_names())


def test_golden_figures():
  """Some corners of each table, by hand from the documents."""
  rows = {
    (name, row.method, row.set, row.source): row.values
    for name in quoted.names()
    for row in quoted.load(name).quoted
  }
  assert rows['report002-benchmark', 'selfexsr', 'Set5', 'paper'] == {
    'psnr': '30.33',
    'ssim_daala': '0.872',
    'mos': '2.65',
  }
  assert rows['report002-benchmark', 'hr', 'BSD100', 'paper']['mos'] == '4.46'
  assert rows['report002-losses', 'srgan-vgg54', 'Set14', 'paper']['mos'] == '3.72*'
  assert rows['report001', 'rrim', 'Urban100', 'tables']['fsim'] == '0.5941'
  assert rows['report001-time', 'srgan', 'DIV2K', 'table']['e3'] == '141.41'
  assert rows['report004', 'esrgan', 'tiles of drawings', 'tables']['psnr'] == '30.51'


def test_averages_of_report_001_are_the_means_of_its_rows():
  table = quoted.load('report001')
  for method in table.methods:
    rows = [r for r in table.quoted if r.method == method.key]
    for c in table.columns:
      *parts, mean = [float(r.values[c.key]) for r in rows]
      assert abs(np.mean(parts) - mean) <= 0.50001 * 10**-c.digits, (method.key, c.key)


def test_selfexsr_means(shared):
  """The second quoted row is the mean of the authors' per-image tables."""
  path = shared / 'data/reference/selfexsr_quant_eval.csv'
  with path.open() as f:
    entries = [
      e
      for e in csv.DictReader(f)
      if e['method'].lower() == 'selfexsr' and e['scale'] == '4'
    ]
  for row in quoted.load('report002-benchmark').quoted:
    if row.source == 'selfexsr':
      mine = [e for e in entries if e['set'] == row.set]
      assert len(mine) == {'Set5': 5, 'Set14': 14, 'BSD100': 100}[row.set]
      for column, key in (('psnr', 'psnr_y'), ('ssim_wang', 'ssim_y')):
        mean = np.mean([float(e[key]) for e in mine])
        digits = len(row.values[column].partition('.')[2])
        assert f'{mean:.{digits}f}' == row.values[column]


@pytest.mark.parametrize(
  ('value', 'digits', 'beside', 'text', 'difference'),
  [
    (28.425, 2, '28.43', '28.43', '±0.00'),
    (28.4249, 2, '28.43', '28.42', '−0.01'),
    (26.264, 2, '25.99', '26.26', '+0.27'),
    # A figure of three digits is compared at three digits.
    (0.87249, 4, '0.872', '0.8725', '±0.000'),
    (3.2, 2, '3.15*', '3.20', '+0.05'),
    (30.0, 2, '', '30.00', ''),
    (math.inf, 2, '∞', '∞', ''),
    (30.0, 2, '∞', '30.00', ''),
    (-0.5, 2, '', '−0.50', ''),
    (1e-07, 4, '0.0031', '0.0000', '−0.0031'),
    (None, 2, '28.43', '', ''),
  ],
)
def test_measured_cells(value, digits, beside, text, difference):
  cell = report.measured(value, digits, beside)
  assert (cell.text, cell.difference, cell.value) == (text, difference, value)


def test_quoted_and_measured_lines(benchmark):
  printed, mine = lines(benchmark, 0, 'bicubic')
  assert (printed.kind, printed.source) == ('quoted', 'paper')
  assert [c.text for c in printed.cells] == ['28.43', '0.8211', '', '1.97']
  assert mine.kind == 'measured'
  assert [c.text for c in mine.cells] == ['28.43', '0.8201', '0.8111', '']
  assert [c.difference for c in mine.cells] == ['±0.00', '−0.0010', '', '']
  assert benchmark.blocks[0].heading == 'Set5 ×4, 5 images'
  # The gate knows no figures of this set.
  assert 'no reference' in benchmark.blocks[1].heading


def test_nothing_is_made_up(benchmark):
  *_, mine = lines(benchmark, 0, 'SRGAN')
  assert (mine.kind, mine.note) == ('missing', 'not trained yet')
  assert all(cell == report.Cell() for cell in mine.cells)
  # SelfExSR and HR are quoted only: no line of ours, not even an empty one.
  for method, count in (('SelfExSR', 2), ('HR', 1)):
    found = lines(benchmark, 0, method)
    assert [line.kind for line in found] == ['quoted'] * count
    assert all(line.note for line in found)
  # The mean of SelfExSR's own tables has the SSIM of its own protocol.
  assert [c.text for c in lines(benchmark, 0, 'SelfExSR')[1].cells] == [
    '30.33',
    '',
    '0.8623',
    '',
  ]


def test_a_set_that_is_not_there_is_said_so(benchmark):
  _, mine = lines(benchmark, 2, 'bicubic')
  assert (mine.kind, mine.note) == ('missing', 'not measured (no BSD100 in --data)')


def test_without_data_the_quoted_rows_stand_alone():
  made = run.reproduce(quoted.load('report002-losses'), measure=None)
  kinds = {line.kind for block in made.blocks for line in block.lines}
  assert kinds == {'quoted', 'missing'}


def test_weights_and_runs(tmp_path, monkeypatch):
  runs = tmp_path / 'out'
  for name in ('SRGAN_vgg22', 'srresnet', 'other'):
    (runs / name).mkdir(parents=True)
  tried = []

  def resolve(spec, scale):
    tried.append((spec, scale))
    if spec.endswith('srresnet'):  # A run that has just begun.
      raise UserError('no checkpoint')

  monkeypatch.setattr(scores, '_resolve', resolve)
  table = quoted.load('report002-losses')
  found = scores.find(table, weights={'srgan-mse': 'mine.safetensors'}, runs=runs)
  assert found['srgan-vgg22'].spec == f'srgan-vgg22={(runs / "SRGAN_vgg22").resolve()}'
  assert found['srgan-mse'].spec == 'srgan-mse=mine.safetensors'
  assert found['srresnet-mse'].reason == 'not trained yet (no checkpoint)'
  assert found['srgan-vgg54'] == scores.Ours(reason='not trained yet')
  assert found['bicubic'].spec == 'bicubic=bicubic'
  assert [scale for _, scale in tried] == [4, 4, 4]


def test_a_network_of_another_scale_is_refused(monkeypatch):
  network = methods.Network('mine', 'nearest', 2, {}, {})
  monkeypatch.setattr(methods, 'resolve', lambda spec: network)
  with pytest.raises(UserError, match='enlarges 2 times'):
    scores.find(quoted.load('report002-losses'), weights={'srgan-mse': 'x'})


def test_pictures_can_stand_for_a_quoted_method(tmp_path, data):
  table = quoted.load('report002-benchmark')
  made = run.reproduce(
    table,
    data=data,
    weights={'selfexsr': f'images:{tmp_path}'},
    measure=measure_like(table, {('selfexsr', 'Set5'): {'psnr_y': 30.31}}),
  )
  *_, mine = lines(made, 0, 'SelfExSR')
  assert (mine.kind, mine.cells[0].text) == ('measured', '30.31')
  # Of two quoted rows the first, the paper's, is the one that is reproduced.
  assert mine.cells[0].difference == '−0.02'


def test_the_mean_needs_every_set(data):
  table = quoted.load('report001')
  metrics = [c.metric for c in table.columns]
  figures = {
    ('bicubic', name): dict(zip(metrics, (0.003, 26.0 + i, 0.7, None), strict=True))
    for i, name in enumerate(table.sets)
  }
  made = run.reproduce(table, data=data, measure=measure_like(table, figures))
  assert made.blocks[-1].heading == 'Average of the sets ×4'
  assert lines(made, -1, 'bicubic')[-1].note == 'no mean (Urban100 not measured)'
  ours = scores.find(table, weights={})
  blocks, _ = scores.blocks(
    table,
    ours,
    measure=measure_like(table, figures),
    there=dict.fromkeys(table.sets, ''),
  )
  cells = next(line for line in blocks[-1].lines if line.kind == 'measured').cells
  assert [c.text for c in cells] == ['0.0030', '27.0000', '0.7000', '']
  # Those asked for are all there, and yet not all of the table.
  made = run.reproduce(
    table,
    data=data,
    set_names=table.sets[:2],
    measure=measure_like(table, figures),
  )
  assert lines(made, -1, 'bicubic')[-1].note == 'no mean (Urban100 not measured)'


def test_a_part_of_a_set_is_compared_with_nothing(data):
  table = quoted.load('report002-benchmark')
  figures = {('bicubic', 'Set5'): {'psnr_y': 30.0}}
  made = run.reproduce(table, data=data, limit=2, measure=measure_like(table, figures))
  *_, mine = lines(made, 0, 'bicubic')
  assert (mine.cells[0].text, mine.cells[0].difference) == ('30.00', '')
  assert 'a part' in made.blocks[0].heading


@pytest.fixture
def anime(data):
  table = quoted.load('report004')
  figures = {
    ('nearest', 'Set5'): {'psnr_y': 26.0},
    ('bicubic', 'Set5'): {'psnr_y': 28.0},
    ('anime4k', 'Set5'): {'psnr_y': 25.0},
  }
  return run.reproduce(
    table,
    data=data,
    sizes=[(64, 48)],
    measure=measure_like(table, figures),
    timer=timer,
  )


def test_report_004_quotes_and_compares_nothing(anime):
  first, second, _ = anime.blocks
  assert {line.kind for line in first.lines} == {'quoted'}
  assert 'Set5' in second.heading
  assert not any(c.difference for line in second.lines for c in line.cells)
  assert any('Anime4K' in w and 'better' in w for w in second.words)


def test_report_004_speed_and_its_ranking(anime):
  block = anime.blocks[-1]
  assert block.heading == 'Speed: 64×48 to 256×192'
  mine = {x.method: x for x in block.lines if x.kind == 'measured'}
  assert [c.text for c in mine['Anime4K'].cells] == [
    *('3', '50.0', '0.0200', '1.50', '2', '5')
  ]
  assert mine['SRCNN'].note == '1,234 parameters, ' + speed.NOTE
  assert mine['Anime4K'].note == ''
  # ESRGAN was told to be too fast: three pairs of the quoted order break.
  assert '16 of 18 pairs' in block.words[0]
  assert 'ESRGAN is faster than SRCNN' in block.words[0]
  assert '15.0 times as fast as SRCNN' in block.words[1]


def test_timing_a_network():
  timing = speed.time_one('espcn', 2, 20, 12)
  assert timing.calls == speed.CALLS
  assert 0 < timing.seconds < 5
  assert timing.peak_bytes > 20 * 12 * 3 * 4
  assert timing.parameters == 21_284


def test_a_slow_method_is_called_less(monkeypatch):
  monkeypatch.setattr(speed, 'BUDGET', 0.0)
  assert speed.time_one('nearest', 2, 8, 8).calls == 1


def test_markdown(benchmark):
  text = formats.render(benchmark, 'markdown')
  assert '| bicubic | *quoted [1]* | *28.43* | *0.8211* | – | *1.97* |' in text
  assert '|  | jsr | 28.43 (±0.00) | 0.8201 (−0.0010) | 0.8111 | – |' in text
  assert '|  | jsr: not trained yet | – | – | – | – |' in text
  assert '| HR | *quoted [1], published only* | *∞* | *1* |' in text
  assert '- [2] J.-B. Huang' in text
  assert 'jsr: protocol srgan: A stub.\n' in text
  widths = {line.count('|') for line in text.splitlines() if line.startswith('|')}
  assert widths == {7}


def test_csv(benchmark):
  rows = list(csv.DictReader(io.StringIO(formats.render(benchmark, 'csv'))))
  mine = [r for r in rows if r['method'] == 'bicubic' and r['kind'] == 'measured']
  assert [(r['column'], r['value'], r['difference']) for r in mine] == [
    ('PSNR', '28.425', '0.00'),
    ('SSIM (daala)', '0.82014', '-0.0010'),
    ('SSIM (Wang)', '0.8111', ''),
  ]
  assert {r['protocol'] for r in mine} == {'srgan'}
  printed = [r for r in rows if r['kind'] == 'quoted']
  assert all(r['source'] and r['protocol'] for r in printed)
  # As printed: '0.7100' stays so, and infinity has its sign.
  assert {'0.872', '0.7100', '∞'} <= {r['value'] for r in printed}


def test_json(benchmark):
  content = json.loads(formats.render(benchmark, 'json'))
  found = [x for x in content['blocks'][0]['lines'] if x['method'] == 'HR']
  assert found[0]['figures']['PSNR'] == {'printed': '∞', 'value': 'inf'}
  assert found[0]['source'] in content['sources']
  assert content['measured']['protocol']['name'] == 'srgan'


def test_latex(benchmark, anime):
  for made in (benchmark, anime):
    text = formats.render(made, 'latex')
    assert text.isascii()
    assert '?' not in text
    body = re.sub(r'\\[&%$#_{}]', '', text)
    assert body.count('{') == body.count('}')
    assert body.count('$') % 2 == 0
    assert (
      text.count(r'\begin{table}') == text.count(r'\end{table}') == len(made.blocks)
    )
    for tabular in re.findall(r'begin\{tabular\}\{(l+r+)\}(.*?)\\end\{tab', body, re.S):
      for line in tabular[1].splitlines():
        if line.endswith(r'\\') and 'multicolumn' not in line:
          assert line.count('&') == len(tabular[0]) - 1
  assert r'\textit{28.43} & \textit{0.8211}' in formats.render(benchmark, 'latex')
  assert r'28.43 {\scriptsize($\pm$0.00)}' in formats.render(benchmark, 'latex')


def test_latex_escapes():
  assert formats._tex('a_b & 5 % {x} \\ ~ ^ −1 × 2 --o –') == (
    r'a\_b \& 5 \% \{x\} \textbackslash{} \textasciitilde{} \textasciicircum{}'
    r' $-$1 $\times$ 2 -{}-o --'
  )


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['report002'], "unknown table 'report002'; did you mean"),
    (['report002-losses', '--weights', 'srgan'], 'names no method'),
    (
      ['report002-losses', '--weights', 'srgan-mse=a', '--weights', 'srgan-mse=b'],
      'twice',
    ),
    (['report002-losses', '--weights', 'srgam-mse=a'], "did you mean 'srgan-mse'"),
    (['report002-losses', '--weights', 'srgan-mse=/nowhere'], '/nowhere'),
    (['report002-losses', '--runs', '/nowhere'], 'there is no folder /nowhere'),
    (['report002-losses', '--data', '/nowhere'], 'there is no folder /nowhere'),
    (['report002-losses', '--sets', 'Set6'], "unknown set of report002-losses 'Set6'"),
  ],
)
def test_mistakes_are_one_sentence(arguments, message, capsys):
  assert cli.main(['reproduce', *arguments]) == 2
  captured = capsys.readouterr()
  assert message in captured.err
  assert captured.err.count('\n') == 1
  assert captured.out == ''


def test_a_folder_without_any_set(tmp_path):
  with pytest.raises(UserError, match=r'has none of the sets Set5, Set14'):
    scores.present(['Set5', 'Set14'], str(tmp_path))


def test_the_command_lists_and_writes(tmp_path, capsys):
  assert cli.main(['reproduce']) == 0
  assert set(quoted.names()) == {
    line.split()[0] for line in capsys.readouterr().out.splitlines()
  }
  folder = tmp_path / 'tables'
  assert (
    cli.main(['reproduce', 'report001-time', '--format', 'csv', '-o', str(folder)]) == 0
  )
  assert capsys.readouterr().out == (folder / 'report001-time.csv').read_text()
  assert sorted(p.name for p in folder.iterdir()) == [
    f'report001-time{suffix}' for suffix in ('.csv', '.json', '.md', '.tex')
  ]


def test_a_real_measurement(tmp_path, capsys):
  """Of a set without reference, by the command, nothing stubbed."""
  workdirs.save(tmp_path / 'mine' / 'HR' / 'a.png', images.smooth(32, 40))
  arguments = ['--data', str(tmp_path), '--sets', 'mine', '--sizes', 'none']
  assert cli.main(['reproduce', 'report004', *arguments, '--format', 'json']) == 0
  content = json.loads(capsys.readouterr().out)
  assert 'no reference' in content['blocks'][-1]['heading']
  lines = {x['method']: x for x in content['blocks'][-1]['lines']}
  for name in ('nearest', 'bicubic', 'Anime4K'):
    assert set(lines[name]['figures']) == {'PSNR', 'SSIM (global)', 'SSIM (Wang)'}
  assert lines['ESRGAN']['kind'] == 'missing'
  assert content['measured']['protocol']['name'] == 'rgb8'


def test_the_gate_stands_before_every_figure(tmp_path):
  """Another picture under a standard name: no table."""
  workdirs.save(tmp_path / 'Set5' / 'HR' / 'baby.png', images.smooth(48, 56))
  table = dataclasses.replace(quoted.load('report002-losses'), protocol='rgb8')
  with pytest.raises(UserError, match='Set5 x4'):
    run.reproduce(table, data=str(tmp_path))
