"""Weights that others published give, in our networks, the figures they are known for.

The whole way of a user: convert the file, write a model file, measure Set5. The wanted
figures come from another implementation, which read the same tensors.
"""

import csv

import numpy as np
import pytest

from jsr.evaluate import benchmark, conversion, methods, protocol, sets

# Row of the table of wanted figures -> file, generator, whether the tensors lack the
# scale, scales, protocol.
SRCNN = 'srcnn_official/{}_x{}.mat'
CASES = {
  **{
    (f'srcnn_{name}', scale): (SRCNN.format(name, scale), 'srcnn', scale, 'y_float')
    for name in ('9-1-5_91img', '9-5-5_ImageNet')
    for scale in (2, 3, 4)
  },
  ('drcn_f96_d9', 2): ('drcn_f96_d9_x2/drcn_f96_d9_x2.npz', 'drcn', 2, 'y_float'),
  ('espcn_fannymonori', 3): (
    'espcn_x3_parity_only/espcn_x3.npz',
    'espcn',
    None,
    'y_float',
  ),
  ('srresnet8', 4): ('srresnet8_x4/srresnet8_x4.npz', 'srresnet', None, 'rgb8'),
  ('srgan', 4): ('srgan_x4/netG_epoch_4_100.v2.pth', 'srresnet', None, 'rgb8'),
  ('edsr8', 2): ('edsr8_x2/edsr8_x2.npz', 'edsr', None, 'rgb8'),
}


def wanted(shared):
  """{(model, scale): {image: PSNR}}."""
  table = {}
  with (shared / 'weights' / 'expected_set5_psnr.csv').open() as f:
    for row in csv.DictReader(f):
      images = table.setdefault((row['model'], int(row['scale'])), {})
      images[row['image']] = float(row['psnr_y'])
  return table


def test_every_published_model_is_here(shared):
  assert set(wanted(shared)) == set(CASES)


@pytest.mark.parametrize(('model', 'scale'), CASES)
def test_set5(shared, tmp_path, model, scale):
  file, generator, given, rule = CASES[model, scale]
  path = tmp_path / 'model.safetensors'
  source = shared / 'weights' / file
  conversion.save(path, conversion.from_file(source, generator=generator, scale=given))
  network = methods.resolve(str(path))
  # The pictures that the protocol of the table names.
  low = f'LRBI_x{scale}' if rule == 'rgb8' else None
  (set5,) = sets.open_sets(['Set5'], data=str(shared / 'data'), lr=low)
  got = benchmark.measure(network, set5, scale, protocol.get(rule), timed=False)
  want = wanted(shared)[model, scale]
  assert {*got['per_image']} == {*want}
  for image, psnr in want.items():
    assert got['per_image'][image]['psnr_y'] == pytest.approx(psnr, abs=0.02), image
  mean = np.mean(list(want.values()))
  assert got['psnr_y'] == pytest.approx(mean, abs=0.01)
