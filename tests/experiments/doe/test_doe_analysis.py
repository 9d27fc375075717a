"""Replicates, pooling, confirmation, tables that are none, and the command."""

import json

import numpy as np
import pytest
from scipy import stats

from jsr import cli
from jsr.errors import UserError
from jsr.experiments.doe import analysis, arrays, confirmation, ratios, report, table
from tests.conftest import ROOT


def additive(effects, *, noise=0.0, replicates=3, interact=0.0):
  """An L9 whose S/N are sums of level effects in dB, smaller the better."""
  rng = np.random.default_rng(1)
  array = arrays.whole('L9(3^4)')[:, : len(effects)]
  rows = [{f'f{i}': str(level) for i, level in enumerate(row)} for row in array]
  values = []
  for row in array:
    db = 20 + sum(e[level] for e, level in zip(effects, row, strict=True))
    db += interact if row[0] == row[1] == 0 else 0
    values.append((10 ** (-(db + noise * rng.normal(size=replicates)) / 20)).tolist())
  return table.make(rows, {'y': values})


EFFECTS = [(0, 3, 1), (-1, 1, 0), (0, 0.1, -0.1), (1.5, 0, 0)]


def test_an_additive_world_is_found_and_confirmed():
  got = analysis.analyse(additive(EFFECTS, noise=0.05), 'y', 'smaller')
  assert [e.best for e in got.effects] == [1, 1, 1, 0]
  assert got.ranking == ['f0', 'f1', 'f3', 'f2']
  assert got.pooled.source == 'f2'
  assert got.within is not None
  assert got.within.dof == 18
  np.testing.assert_allclose(got.within.n_eff, 3)
  assert [t.p < 0.01 for t in got.within.tests] == [True, True, True, True]
  true = 10 ** (-(20 + 3 + 1 + 0.1 + 1.5) / 20)
  found = confirmation.confirm(got, [true, true * 1.001, true * 0.999])
  assert found.inside
  assert found.within is not None
  assert found.within.inside
  # -20 log10 of the three: 0.00868 dB less and more, so almost that of the first.
  np.testing.assert_allclose(found.within.sn, 25.6, atol=1e-4)
  assert not confirmation.confirm(got, [2 * true] * 3).within.inside


def test_replicates_are_an_error_of_their_own():
  """One factor alone is the one-way analysis of variance."""
  rows = [{'f': level} for level in 'abc']
  values = [[1.0, 1.2], [2.0, 2.3], [1.1, 0.9]]
  made = table.make(rows, {'y': values})
  effects = analysis.anova.effects(
    made, np.array([ratios.sn(v, 'larger') for v in values])
  )
  got = analysis.anova.within(made, values, 'larger', effects)
  want = stats.f_oneway(*(20 * np.log10(v) for v in values))
  np.testing.assert_allclose(got.tests[0].f, want.statistic)
  np.testing.assert_allclose(got.tests[0].p, want.pvalue)


def test_free_columns_are_the_error():
  got = analysis.analyse(additive(EFFECTS[:2], noise=0.3), 'y', 'smaller')
  assert (got.pooled.source, got.pooled.dof) == ('what no factor took', 4)
  assert not [w for w in got.warnings if 'saturated' in w]
  pooled = analysis.analyse(additive(EFFECTS), 'y', 'smaller', pool=['f1', 'f2'])
  assert (pooled.pooled.source, pooled.pooled.dof) == ('f1 and f2', 4)
  with pytest.raises(UserError, match="'g' is no factor"):
    analysis.analyse(additive(EFFECTS), 'y', 'smaller', pool=['g'])


def test_values_without_a_ratio():
  for values, kind in (([0.0], 'larger'), ([0.0], 'smaller'), ([1.0], 'omega')):
    with pytest.raises(UserError, match="'y' of run 7"):
      ratios.sn(values, kind, 'y', '7')
  with pytest.raises(UserError, match='two different values'):
    ratios.sn([1.0], 'nominal')
  with pytest.raises(UserError, match="did you mean 'larger'"):
    ratios.parse(['y:larges'])
  for kind in ('larger', 'smaller', 'omega'):
    np.testing.assert_allclose(ratios.value(ratios.sn([0.3], kind), kind), 0.3)


def test_a_run_that_diverged_is_told():
  made = additive(EFFECTS)
  made.responses['y'][3][1] = float('nan')
  got = analysis.analyse(made, 'y', 'smaller')
  assert 'Run 4 has replicates of y that are no numbers' in got.warnings[0]
  assert got.within is None
  made.responses['y'][3][:] = [float('nan')] * 3
  with pytest.raises(UserError, match="'y' has no number for run 4"):
    analysis.analyse(made, 'y', 'smaller')


def write(path, text):
  path.write_text(text)
  return path


def test_replicates_in_rows_and_in_columns(tmp_path):
  rows = write(tmp_path / 'a.csv', 'f,y\na,1\nb,2\na,3\nb,4\n')
  columns = write(tmp_path / 'b.csv', 'run,f,y,y.2\nx,a,1,3\nz,b,2,4\n')
  first, second = table.read(rows, ['y']), table.read(columns, ['y'])
  assert first.responses == second.responses == {'y': [[1, 3], [2, 4]]}
  assert (first.runs, second.runs) == (('1', '2'), ('x', 'z'))
  again = table.read(write(tmp_path / 'c.csv', table.write_csv(second)), ['y'])
  assert again.responses == second.responses
  assert again.factors == second.factors == {'f': ('a', 'b')}


@pytest.mark.parametrize(
  ('text', 'match'),
  [
    ('f,y\n', 'no rows'),
    ('f,y\na\n', 'row 2 has 1 cells, the header 2'),
    ('f,y\na,x\n', "'x' in column 'y', row 2, is no number"),
    ('f,f\na,1\n', 'a name of its own'),
    ('f,z\na,1\n', "has no column 'y'; its columns are f, z"),
    ('y\n1\n', 'no factors'),
  ],
)
def test_files_that_are_no_table(tmp_path, text, match):
  with pytest.raises(UserError, match=match):
    table.read(write(tmp_path / 'bad.csv', text), ['y'])
  with pytest.raises(UserError, match='cannot be read'):
    table.read(tmp_path / 'none.csv', ['y'])


def test_columns_that_are_ignored():
  with pytest.raises(UserError, match='left out by --ignore'):
    table.read(report.REPORT000, ['loss']).check_orthogonal()
  table.read(report.REPORT000, ['loss'], ['accuracy']).check_orthogonal()
  with pytest.raises(UserError, match="no column 'x' to ignore"):
    table.read(report.REPORT000, ['loss'], ['x'])


def test_levels_that_are_not_orthogonal(tmp_path):
  path = write(tmp_path / 'a.csv', 'f,g,y\na,a,1\nb,b,2\nb,a,3\na,a,4\n')
  with pytest.raises(UserError, match='no orthogonal array'):
    analysis.analyse(table.read(path, ['y']), 'y', 'larger')
  path = write(tmp_path / 'b.csv', 'f,g,y\na,a,1\na,b,2\n')
  with pytest.raises(UserError, match="'f' has one level"):
    analysis.analyse(table.read(path, ['y']), 'y', 'larger')


def test_the_document_prints_what_the_command_prints(capsys, monkeypatch):
  monkeypatch.chdir(ROOT)
  (block,) = [
    part
    for part in (ROOT / 'docs' / 'doe.md').read_text().split('```')
    if part.startswith('console\n$ jsr doe analyse')
  ]
  command, _, printed = block.removeprefix('console\n$ jsr ').partition('\n')
  assert cli.main(command.split()) == 0
  assert capsys.readouterr().out == printed


def test_command(tmp_path, capsys):
  words = ['doe', 'analyse', str(report.REPORT000), '--response', 'accuracy:larger']
  words += ['--response', 'accuracy:omega', '--response', 'loss:smaller']
  files = [tmp_path / 'a.json', tmp_path / 'a.svg']
  assert cli.main([*words, '--json', str(files[0]), '--svg', str(files[1])]) == 0
  said = capsys.readouterr().out
  assert '48.225312 dB, loss 0.003879' in said
  read = json.loads(files[0].read_text())
  assert [a['kind'] for a in read['analyses']] == ['larger', 'omega', 'smaller']
  assert read['runs'][3]['accuracy'] == [0.9037]
  assert read['analyses'][2]['best']['filters'] == '128'
  assert files[1].read_text().startswith('<svg')
  assert cli.main([*words, '--config.a=1']) == 2
  assert cli.main(words[:3]) == 2
  assert cli.main(['doe', '--design', 'L9']) == 2
  said = capsys.readouterr().err.splitlines()
  assert len(said) == 3
  assert '--config is missing' in said[-1]
