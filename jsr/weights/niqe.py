"""The pristine model of NIQE, as its authors released it, checked by its numbers."""

import os
import urllib.request
from typing import NamedTuple

import numpy as np

from jsr.errors import UserError
from jsr.weights import tensors
from jsr.weights.fetch import Opener, fetch

# The authors' modelparameters.mat, exported by the BasicSR toolkit.
URL = (
  'https://raw.githubusercontent.com/XPixelGroup/BasicSR/'
  '8d56e3a045f9fb3e1d8872f92ee4a4f07f886b0a/basicsr/metrics/niqe_pris_params.npz'
)
CHECKSUM = '2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296'
# What tells the release of 2013 from other models of the same shape.
_START = (2.601314, 0.905703, 0.812048, 0.090427)
_SUM, _TRACE = 17.328766, 1.630919


class NiqeModel(NamedTuple):
  """Statistics of pristine pictures, float64.

  Attributes:
    mean: (36,).
    covariance: (36, 36).
  """

  mean: np.ndarray
  covariance: np.ndarray


def find(
  path: str | os.PathLike[str] | None = None,
  *,
  cache: str | os.PathLike[str] | None = None,
  opener: Opener = urllib.request.urlopen,
) -> NiqeModel:
  """Returns the user's file, else the cached one, else downloads it (12 kB).

  Raises:
    UserError: Unreadable file, no connection, or another model.
  """
  if path is None:
    path = fetch(URL, CHECKSUM, URL.split('/')[-1], cache, opener=opener)
  return load(path)


def load(path: str | os.PathLike[str]) -> NiqeModel:
  """Reads the model.

  Args:
    path: .npz or .mat with mu_pris_param (1, 36) and cov_pris_param (36, 36), or the
      authors' names mu_prisparam and cov_prisparam.

  Raises:
    UserError: Not such a file, or the numbers of another model.
  """
  content = tensors.read(path)
  found = []
  for name, shape in (('mu', (1, 36)), ('cov', (36, 36))):
    names = (f'{name}_pris_param', f'{name}_prisparam')
    array = next((content[n] for n in names if n in content), None)
    if array is None or array.shape != shape:
      raise UserError(
        f'{path} is no model of NIQE: it needs {names[0]} of shape {shape}; fetch {URL}'
      )
    found.append(np.asarray(array, np.float64))
  mean, covariance = found[0][0], found[1]
  if (
    not np.allclose(mean[:4], _START, rtol=0, atol=1e-6)
    or abs(mean.sum() - _SUM) > 1e-6
    or abs(np.trace(covariance) - _TRACE) > 1e-6
    or not np.allclose(covariance, covariance.T)
  ):
    raise UserError(
      f"{path} is not the NIQE model of its authors' release: its scores could not be "
      f'compared with published ones; fetch {URL}'
    )
  return NiqeModel(mean, covariance)
