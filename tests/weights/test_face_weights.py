"""Weights of face networks: every tensor has its place, and faults are told by name."""

import jax
import numpy as np
import pytest

from jsr.errors import UserError
from jsr.weights import faces
from tests.weights import facenet_twin


def test_mobilefacenet_is_complete(shared):
  file = shared / 'weights' / 'mobilefacenet' / 'mobilefacenet.npz'
  got = faces.load(file, 'mobilefacenet')
  assert sum(x.size for x in jax.tree.leaves(got)) == 1_022_848 - 128
  with pytest.raises(
    UserError, match=r'FaceNet of facenet-pytorch: missing: conv2d_1a'
  ):
    faces.load(file, 'facenet')


def test_faults_are_told():
  bad = facenet_twin.empty()
  bad.pop('repeat_2.9.conv2d.bias')
  bad['block8.branch0.conv.weight'] = np.zeros((192, 1792, 3, 3), np.float32)
  bad['mixed_6a.branch0.bn.bias'] = np.full(384, np.nan, np.float32)
  bad['mixed_8a.conv.weight'] = np.zeros(1)
  with pytest.raises(UserError) as told:
    faces.from_tensors(bad, 'facenet', 'my.pt')
  assert str(told.value) == (
    'my.pt does not fit FaceNet of facenet-pytorch: missing: repeat_2.9.conv2d.bias;'
    ' unexpected: mixed_8a.conv.weight; misshapen: block8.branch0.conv.weight (192,'
    ' 1792, 3, 3) instead of (192, 1792, 1, 1); not finite numbers:'
    ' mixed_6a.branch0.bn.bias'
  )


def test_a_network_that_does_not_exist(tmp_path):
  with pytest.raises(UserError, match="did you mean 'facenet'"):
    faces.load(tmp_path, 'face')
  with pytest.raises(UserError, match='no weights file'):
    faces.load(tmp_path / 'x.pt', 'facenet')
