"""LPIPS weights: only the published ones, from any file, never from thin air."""

import urllib.error

import numpy as np
import pytest

from jsr.errors import UserError
from jsr.weights import lpips
from tests.weights.lpips_files import trunk

# Parameters up to the last feature; torchvision's counts less the classifiers.
COUNTS = {'alex': 2_469_696, 'vgg': 14_714_688, 'squeeze': 722_496}


def offline(request, timeout):
  raise urllib.error.URLError('no network')


@pytest.mark.parametrize('net', lpips.NETS)
def test_shapes_of_the_networks(net):
  convs = lpips.from_torchvision(trunk(net), net)
  leaves = [array for layer in convs.values() for array in layer.values()]
  assert sum(array.size for array in leaves) == COUNTS[net]
  kernel = trunk(net)['features.0.weight']
  np.testing.assert_array_equal(convs['0']['kernel'], kernel.transpose(2, 3, 1, 0))
  taps = {'alex': 5, 'vgg': 5, 'squeeze': 7}
  assert len(lpips.CHANNELS[net]) == taps[net]


@pytest.mark.parametrize('net', lpips.NETS)
def test_published_heads(shared, net, tmp_path):
  path = shared / 'weights' / 'lpips_heads_v0.1' / 'lpips_heads_v0.1.npz'
  heads = lpips.load_heads(path, net)
  assert tuple(h.size for h in heads) == lpips.CHANNELS[net]
  if net == 'alex':
    want = [0.492139, 1.047155, 1.323567, 0.747736, 0.41307]
    np.testing.assert_allclose([h.max() for h in heads], want, atol=1e-6)
  # The authors' own names, from a file that PyTorch wrote.
  torch = pytest.importorskip('torch')
  state = {
    f'lin{i}.model.1.weight': torch.tensor(h[None, :, None, None])
    for i, h in enumerate(heads)
  }
  torch.save(state, tmp_path / 'x.pth')
  again = lpips.load_heads(tmp_path / 'x.pth', net)
  for a, b in zip(heads, again, strict=True):
    np.testing.assert_array_equal(a, b)
  state['lin2.model.1.weight'] *= 1.001
  torch.save(state, tmp_path / 'x.pth')
  with pytest.raises(UserError, match=r'published heads.*lin2.*fetch https'):
    lpips.load_heads(tmp_path / 'x.pth', net)
  assert len(lpips.load_heads(tmp_path / 'x.pth', net, version='0.0')) == len(heads)


def test_other_heads_are_refused(tmp_path):
  path = tmp_path / 'x.npz'
  state = {
    f'lin{i}.model.1.weight': np.ones((1, c, 1, 1), np.float32)
    for i, c in enumerate(lpips.CHANNELS['alex'])
  }
  np.savez(path, **{**state, 'lin0.model.1.weight': -np.ones((1, 64, 1, 1))})
  with pytest.raises(UserError, match='negative numbers'):
    lpips.load_heads(path, 'alex', version='0.0')
  np.savez(path, **state)
  with pytest.raises(
    UserError, match=r'heads of LPIPS with vgg.*holds \(1, 192, 1, 1\)'
  ):
    lpips.load_heads(path, 'vgg', version='0.0')
  np.savez(path, x=np.ones(3))
  with pytest.raises(UserError, match='the file lacks it'):
    lpips.load_heads(path, 'alex')
  with pytest.raises(UserError, match="unknown LPIPS network 'vgg19'"):
    lpips.load_heads(path, 'vgg19')
  with pytest.raises(UserError, match='unknown version of LPIPS'):
    lpips.load_heads(path, 'vgg', version='1')


def test_other_networks_are_refused(tmp_path):
  state = trunk('alex')
  with pytest.raises(UserError, match=r"torchvision's squeeze network: features\.0\."):
    lpips.from_torchvision(state, 'squeeze')
  with pytest.raises(UserError, match=r'features\.10\.bias.*lacks it; fetch https'):
    lpips.from_torchvision(
      {k: v for k, v in state.items() if k != 'features.10.bias'}, 'alex'
    )
  with pytest.raises(UserError, match=r'features\.8\.bias in the file is not finite'):
    lpips.from_torchvision(
      {**state, 'features.8.bias': np.full(256, np.nan, np.float32)}, 'alex'
    )
  with pytest.raises(UserError, match=r'it has features\.12\.weight'):
    lpips.from_torchvision({**state, 'features.12.weight': np.ones(1)}, 'alex')


def test_a_trunk_from_either_format_of_pytorch(tmp_path):
  torch = pytest.importorskip('torch')
  state = {k: torch.tensor(v) for k, v in trunk('squeeze').items()}
  for zipped in (True, False):
    path = tmp_path / 'x.pth'
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    convs = lpips.load_trunk(path, 'squeeze')
    want = trunk('squeeze')['features.12.expand3x3.weight'].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(convs['12.expand3x3']['kernel'], want)


def test_without_weights_there_is_no_lpips(tmp_path):
  with pytest.raises(UserError, match=r'lpips/weights/v0.1/vgg.pth.*put the file at'):
    lpips.find('vgg', cache=tmp_path, opener=offline)
  with pytest.raises(UserError, match=r'LPIPS 0\.0 are not fetched'):
    lpips.find('vgg', version='0.0', cache=tmp_path, opener=offline)


def test_find_takes_files_and_the_cache(shared, tmp_path):
  torch = pytest.importorskip('torch')
  heads = shared / 'weights' / 'lpips_heads_v0.1' / 'lpips_heads_v0.1.npz'
  with pytest.raises(UserError, match=r'squeezenet1_1-b8a52dc0\.pth.*put the file at'):
    lpips.find('squeeze', heads=heads, cache=tmp_path, opener=offline)
  state = {k: torch.tensor(v) for k, v in trunk('squeeze').items()}
  torch.save(state, tmp_path / 'squeezenet1_1-b8a52dc0.pth')
  found = lpips.find('squeeze', heads=heads, cache=tmp_path, opener=offline)
  assert (found.net, found.version, len(found.heads)) == ('squeeze', '0.1', 7)
  assert set(found.convs) == set(lpips.SHAPES['squeeze'])


@pytest.mark.parametrize('net', lpips.NETS)
def test_checksums_are_whole_and_fit_the_file_names(net):
  for source in (lpips.TRUNKS[net], lpips.HEADS[net]):
    assert len(source.checksum) == 64
  trunk_file = lpips.TRUNKS[net].url.split('-')[-1]
  assert trunk_file == f'{lpips.TRUNKS[net].checksum[:8]}.pth'
