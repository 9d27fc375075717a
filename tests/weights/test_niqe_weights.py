"""The model of NIQE: the authors' release, checked by its numbers."""

import hashlib
import urllib.error

import numpy as np
import pytest

from jsr.errors import UserError
from jsr.weights import niqe


def offline(request, timeout):
  raise urllib.error.URLError('no network')


@pytest.fixture
def file(shared):
  return shared / 'weights' / 'niqe' / 'niqe_pris_params.npz'


def test_published_model(file, tmp_path):
  model = niqe.load(file)
  assert (model.mean.shape, model.covariance.shape) == ((36,), (36, 36))
  assert model.mean.sum() == pytest.approx(17.328766, abs=1e-6)
  assert np.trace(model.covariance) == pytest.approx(1.630919, abs=1e-6)
  # The file that is fetched is this one.
  assert hashlib.sha256(file.read_bytes()).hexdigest() == niqe.CHECKSUM
  (tmp_path / 'niqe_pris_params.npz').write_bytes(file.read_bytes())
  again = niqe.find(cache=tmp_path, opener=offline)
  np.testing.assert_array_equal(again.covariance, model.covariance)


def test_other_models_are_refused(file, tmp_path):
  with np.load(file) as content:
    mean, covariance = content['mu_pris_param'], content['cov_pris_param']
  path = tmp_path / 'x.npz'
  # The authors' own names.
  np.savez(path, mu_prisparam=mean, cov_prisparam=covariance)
  np.testing.assert_array_equal(niqe.load(path).mean, mean[0])
  for changed in ((mean + 1e-5, covariance), (mean, covariance * 1.001)):
    np.savez(path, mu_pris_param=changed[0], cov_pris_param=changed[1])
    with pytest.raises(UserError, match=r'authors. release.*fetch https'):
      niqe.find(path)
  np.savez(path, mu_pris_param=mean)
  with pytest.raises(UserError, match='needs cov_pris_param'):
    niqe.load(path)
  with pytest.raises(UserError, match='no weights file'):
    niqe.load(tmp_path / 'none.npz')


def test_without_the_model_there_is_no_niqe(tmp_path):
  with pytest.raises(UserError, match='put the file at'):
    niqe.find(cache=tmp_path, opener=offline)
