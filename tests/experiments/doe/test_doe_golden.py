"""The worked example: the printed table of report 000, every number of its analysis."""

import numpy as np
import pytest

from jsr.experiments.doe import analysis, ratios, report, table

# Six decimals are printed in the design documents.
CLOSE = {'rtol': 0, 'atol': 6e-7}
ACCURACY = {
  'sn': (
    [
      -6.622967,
      -8.598486,
      -1.406514,
      -0.879514,
      -0.982971,
      -0.930605,
      -1.243626,
      -1.309021,
      -1.68251,
    ]
  ),
  'mean': -2.628468,
  'ss': 66.293110,
  'levels': [
    [-5.542656, -0.931030, -1.411719],
    [-2.915369, -3.630159, -1.339876],
    [-2.954198, -3.720170, -1.211037],
    [-3.096149, -3.590906, -1.198350],
  ],
  'delta': [4.611625, 2.290283, 2.509133, 2.392556],
  'effects_ss': [38.562787, 8.238499, 9.921072, 9.570752],
  'share': [58.170127, 12.427384, 14.965465, 14.437024],
  'rank': [1, 4, 2, 3],
  'prediction': 3.205112,
  'predicted': 1.446291,
  'variance': 4.119250,
  'f': [4.680802, 1.204233, 1.161711],
  'pooled': 1.916520,
}
LOSS = {
  'sn': (
    [
      1.239618,
      2.780071,
      28.290785,
      30.995018,
      30.544871,
      30.574166,
      29.044506,
      28.801867,
      27.659993,
    ]
  ),
  'mean': 23.325655,
  'ss': 1179.524320,
  'levels': [
    [10.770158, 30.704685, 28.502122],
    [20.426381, 20.708937, 28.841648],
    [20.205217, 20.478361, 29.293387],
    [19.814827, 20.799581, 29.362557],
  ],
  'delta': [19.934527, 8.415268, 9.088170, 9.547730],
  'effects_ss': [716.659180, 137.037562, 160.374143, 165.453435],
  'share': [60.758322, 11.618036, 13.596510, 14.027132],
  'rank': [1, 4, 3, 2],
  'prediction': 48.225312,
  'predicted': 0.003879,
  'variance': 68.518781,
  'f': [5.229655, 1.170293, 1.207358],
  'pooled': 42.709319,
}


@pytest.fixture(scope='module')
def printed():
  return table.read(report.REPORT000, ['accuracy', 'loss'])


@pytest.mark.parametrize(
  ('name', 'kind', 'want'),
  [('accuracy', 'larger', ACCURACY), ('loss', 'smaller', LOSS)],
)
def test_every_printed_number(printed, name, kind, want):
  got = analysis.analyse(printed, name, kind)
  np.testing.assert_allclose(got.sn, want['sn'], **CLOSE)
  for key in ('mean', 'ss', 'prediction', 'predicted'):
    np.testing.assert_allclose(getattr(got, key), want[key], **CLOSE)
  effects = got.effects
  np.testing.assert_allclose([e.means for e in effects], want['levels'], **CLOSE)
  np.testing.assert_allclose([e.delta for e in effects], want['delta'], **CLOSE)
  np.testing.assert_allclose([e.ss for e in effects], want['effects_ss'], **CLOSE)
  np.testing.assert_allclose([e.share for e in effects], want['share'], **CLOSE)
  np.testing.assert_allclose(sum(e.ss for e in effects), got.ss, rtol=1e-12)
  assert [e.rank for e in effects] == want['rank']
  assert [e.best for e in effects] == [1, 2, 2, 2]
  pooled = got.pooled
  assert (pooled.source, pooled.dof) == ('optimizer', 2)
  np.testing.assert_allclose(pooled.variance, want['variance'], **CLOSE)
  np.testing.assert_allclose([t.f for t in pooled.tests], want['f'], **CLOSE)
  np.testing.assert_allclose([t.critical for t in pooled.tests], 19, **CLOSE)
  pure = [
    100 * (e.ss - 2 * pooled.variance) / got.ss
    for e in effects
    if e.factor != 'optimizer'
  ]
  np.testing.assert_allclose([t.share for t in pooled.tests], pure)
  np.testing.assert_allclose(pooled.prediction, want['pooled'], **CLOSE)
  np.testing.assert_allclose(pooled.n_eff, 1.285714, **CLOSE)
  assert got.tried is None
  assert got.within is None
  if name == 'accuracy':
    np.testing.assert_allclose(pooled.interval(), 11.643514, **CLOSE)


def test_omega(printed):
  got = analysis.analyse(printed, 'accuracy', 'omega')
  want = [-0.582828, -2.281605, 7.550331, 9.723980, 9.214677]
  want += [9.465760, 8.126629, 7.887312, 6.701151]
  np.testing.assert_allclose(got.sn, want, **CLOSE)
  np.testing.assert_allclose(got.mean, 6.200601, **CLOSE)
  levels = [
    [1.561966, 9.468139, 7.571697],
    [5.755927, 4.940128, 7.905748],
    [5.590082, 4.714509, 8.297212],
    [5.111000, 5.103595, 8.387208],
  ]
  np.testing.assert_allclose([e.means for e in got.effects], levels, **CLOSE)
  shares = [64.391242, 8.870664, 13.184870, 13.553223]
  np.testing.assert_allclose([e.share for e in got.effects], shares, **CLOSE)
  np.testing.assert_allclose(got.prediction, 15.456504, **CLOSE)
  np.testing.assert_allclose(got.predicted, 0.972320, **CLOSE)
  assert not [w for w in got.warnings if 'omega' in w]


def test_warnings(printed):
  said = ' '.join(analysis.analyse(printed, 'accuracy', 'larger').warnings)
  assert 'saturated' in said
  assert 'accuracy:omega' in said
  assert 'Run 1, 2 of accuracy lies far below' in said
  assert 'What they share is learning rate = 0.01.' in said
  assert 'needs a confirmation run' in said


@pytest.mark.parametrize(
  ('kind', 'want'),
  [('larger', -1.441746), ('smaller', 1.401615), ('nominal', 24.608979)],
)
def test_ratios_of_replicates(kind, want):
  np.testing.assert_allclose(ratios.sn([0.9, 0.8, 0.85], kind), want, **CLOSE)
