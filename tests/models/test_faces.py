"""Face networks: exact counts, published embeddings, and a PyTorch twin of FaceNet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jsr import models
from jsr.errors import UserError
from jsr.models import faces
from jsr.weights import faces as weights
from tests.conftest import jit_to_run
from tests.weights import facenet_twin

WEIGHTS = 'weights/mobilefacenet'


@pytest.fixture(scope='module')
def raw_embeddings(shared):
  """MobileFaceNet's, by file: crops of Set5, then cut and reduced faces in the wild.

  All at once: another number of pictures is another program to compile.
  """
  file = shared / WEIGHTS / 'mobilefacenet.npz'
  network = faces.Embedder('mobilefacenet', weights.load(file, 'mobilefacenet'))
  network._apply = jit_to_run(network._apply.__wrapped__)
  # As the weights' notes say.
  box, size = (62, 55, 190, 183), (112, 112)
  cut = {}
  for path in sorted((shared / 'data' / 'Set5' / 'HR').glob('*.png')):
    cut[path] = Image.open(path).convert('RGB').crop((64, 64, 176, 176))
  for path in sorted((shared / 'data' / 'faces' / 'LFW100').glob('*/*.jpg')):
    cut[path] = Image.open(path).crop(box).resize(size, Image.Resampling.BICUBIC)
  images = np.stack([np.asarray(face, np.float32) for face in cut.values()]) / 255
  found = np.asarray(network(jnp.asarray(images)))
  return dict(zip(cut, found, strict=True))


def shapes(network):
  face = jnp.zeros((1, network.size, network.size, 3))
  return jax.eval_shape(network.init, jax.random.key(0), face)


def test_counts_of_mobilefacenet():
  """The published file has 1,022,848 values; 128 are factors that nothing reads."""
  made = shapes(faces.MobileFaceNet())
  assert models.parameter_count(made) == 1_003_136
  assert sum(x.size for x in jax.tree.leaves(made)) == 1_022_848 - 128


@pytest.mark.parametrize(('features', 'count'), [(512, 23_482_624), (128, 22_793_728)])
def test_counts_of_facenet(features, count):
  with facenet_twin.torch.device('meta'):
    twin = facenet_twin.FaceNet(features)
  made = shapes(faces.FaceNet(features))
  assert sum(p.numel() for p in twin.parameters()) == count
  assert models.parameter_count(made) == count
  # Every tensor has its place; the width is read from the file.
  got = weights.from_tensors(facenet_twin.empty(features), 'facenet')
  assert jax.tree.map(np.shape, got) == jax.tree.map(lambda x: x.shape, made)


def cosine(a, b):
  return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def test_embeddings_of_another_implementation(shared, raw_embeddings):
  with np.load(shared / WEIGHTS / 'expected_embeddings.npz') as archive:
    for name, want in archive.items():
      path = shared / 'data' / 'Set5' / 'HR' / f'{name.removeprefix("set5_")}.png'
      got = raw_embeddings[path]
      assert cosine(got, want) > 1 - 1e-5, name
      np.testing.assert_allclose(got, want, atol=2e-3 * np.abs(want).max())


def test_faces_in_the_wild(raw_embeddings):
  """All pairs of 100 faces."""
  paths = [p for p in raw_embeddings if p.suffix == '.jpg']
  found = np.stack([raw_embeddings[p] for p in paths])
  vectors = np.asarray(faces.unit(jnp.asarray(found)))
  people = np.array([p.parent.name for p in paths])
  likeness = vectors @ vectors.T
  a, b = np.triu_indices(len(paths), 1)
  same, value = people[a] == people[b], likeness[a, b]
  assert (same.sum(), (~same).sum()) == (450, 4500)
  yes, no = value[same], value[~same]
  auc = (yes[:, None] > no).mean()
  assert auc == pytest.approx(0.9998, abs=5e-5)
  best = max(((yes >= t).mean() + (no < t).mean()) / 2 for t in value)
  assert best == pytest.approx(0.996, abs=5e-4)
  assert yes.mean() == pytest.approx(0.63, abs=5e-3)
  assert no.mean() == pytest.approx(0.02, abs=5e-3)
  np.fill_diagonal(likeness, -1)
  assert (people[likeness.argmax(1)] == people).all()


@pytest.fixture
def one_block(monkeypatch):
  """FaceNet with one block a trunk; the counts above are of all of them."""
  for module, name in ((faces, 'TRUNKS'), (weights, '_TRUNKS')):
    trunks = tuple((name, 1, *rest) for name, _, *rest in getattr(module, name))
    monkeypatch.setattr(module, name, trunks)


def test_facenet_twin(tmp_path, one_block):
  """From a file of PyTorch, classifier and counters in it, to the twin's embeddings."""
  torch = facenet_twin.torch
  twin = facenet_twin.filled(blocks=(1, 1, 1))
  state = twin.state_dict()
  state['logits.weight'], state['logits.bias'] = torch.ones(9, 512), torch.ones(9)
  torch.save(state, tmp_path / 'facenet.pt')
  network = faces.Embedder('facenet', weights.load(tmp_path / 'facenet.pt', 'facenet'))
  face = np.random.default_rng(0).random((2, 160, 160, 3), 'f')
  x = torch.tensor(face.transpose(0, 3, 1, 2))
  with torch.no_grad():
    want = twin((255 * x - 127.5) / 128).numpy()
  got = np.asarray(faces.unit(network(jnp.asarray(face))))
  np.testing.assert_allclose(got, want, atol=2e-5)
  # Two faces, two places: noise in, not the same constant out.
  assert np.abs(want[0] - want[1]).max() > 1e-3


def test_whitened_faces():
  face = np.random.default_rng(0).random((2, 8, 8, 3), 'f')
  face[1] = 0.5
  got = np.asarray(faces.whiten(jnp.asarray(face)))
  levels = 255 * face[0].astype(np.float64)
  np.testing.assert_allclose(got[0], (levels - levels.mean()) / levels.std(), atol=1e-5)
  np.testing.assert_allclose(got[1], 0, atol=1e-3)
  np.testing.assert_allclose(
    faces.standardise(jnp.array([0.0, 0.5, 1.0])), [-127.5 / 128, 0, 127.5 / 128]
  )


def test_misuse_is_told():
  with pytest.raises(UserError, match="did you mean 'facenet'"):
    faces.Embedder('facenett', {})
  with pytest.raises(UserError, match='only facenet'):
    faces.Embedder('mobilefacenet', {}, whitened=True)
  with pytest.raises(ValueError, match='112x112'):
    faces.MobileFaceNet().init(jax.random.key(0), jnp.zeros((1, 160, 160, 3)))
  with pytest.raises(UserError, match="input of FaceNet 'fix'"):
    faces.FaceNet(input='fix').init(jax.random.key(0), jnp.zeros((1, 160, 160, 3)))
  assert 'faces' not in models.generator_names()


def test_unit_length_of_nothing():
  np.testing.assert_array_equal(faces.unit(jnp.zeros((1, 3))), np.zeros((1, 3)))
  np.testing.assert_allclose(faces.unit(jnp.array([[3.0, 4.0]])), [[0.6, 0.8]])
