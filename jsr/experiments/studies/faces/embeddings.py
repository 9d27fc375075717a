"""Faces reduced, enlarged by every method, and embedded; what is done is kept."""

import functools
import hashlib
import io
import json
import pathlib
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jsr.data import faces as data
from jsr.errors import UserError
from jsr.evaluate import conversion, methods, output
from jsr.evaluate.network import Network
from jsr.experiments.study import Study
from jsr.models import faces
from jsr.ops import resize
from jsr.weights import faces as weights

HR, BICUBIC = 'HR', 'bicubic'
BATCH = 50


class Condition(NamedTuple):
  """What a network of faces gets to see.

  Attributes:
    method: How a face was enlarged; `HR` for one that was never reduced.
    size: The side that it was reduced to; 0 for `HR`.
  """

  method: str
  size: int


# uint8 (h, w, 3) to uint8 (scale * h, scale * w, 3), and what tells it from others.
class Enlarger(NamedTuple):
  """A method by its function.

  Attributes:
    enlarge: uint8 (h, w, 3) -> uint8 (scale h, scale w, 3); None for `BICUBIC`, which
      goes to the network's size at once.
    digest: Changes with its parameters.
    note: What it is.
  """

  enlarge: Callable[[np.ndarray], np.ndarray] | None
  digest: str
  note: str


def enlargers(study: Study) -> dict[str, Enlarger]:
  """Returns all methods of a study's config, bicubic first.

  Raises:
    UserError: One does not exist, or is none that enlarges by the config's scale.
  """
  c = study.config
  found = {BICUBIC: Enlarger(None, '', 'MATLAB bicubic to the size of the network')}
  networks: list[Any] = []
  for spec in c.published:
    label, equals, part = spec.partition('=')
    if not equals:
      raise UserError(f"published: '{spec}' is not LABEL=FILE")
    file = study.weights_file(part)
    model = conversion.from_file(file, generator=c.published_as)
    networks.append(methods.of_model(label, model))
  networks += [methods.resolve(spec) for spec in c.methods]
  for network in networks:
    if not isinstance(network, Network):
      raise UserError(f'methods: {network.label} is no network; name those that are')
    _check_label(network.label)
    if network.label in found:
      raise UserError(f'two methods are called {network.label}; name one LABEL=...')
    network.check_scale(c.scale)
    call = functools.partial(network.upscale_uint8, scale=c.scale)
    digest = _digest(*jax.tree.leaves(network.variables))
    found[network.label] = Enlarger(call, digest, network.note)
  if c.claimed not in found:
    raise UserError(
      f"claimed: the report's claims are about '{c.claimed}', which is none of the"
      f' methods {", ".join(found)}'
    )
  return found


def _check_label(label: str) -> None:
  """Refuses a label that cannot be part of a file's name, or stands for no method."""
  if label == HR:
    raise UserError(f'no method can be called {HR}, as the faces themselves are')
  if not re.fullmatch(r'[^\W_][\w.+-]*', label):
    raise UserError(
      f"a method cannot be called '{label}': give it a name of letters, digits and"
      ' ._+- in front of =, beginning with a letter or digit'
    )


def embedder(study: Study) -> tuple[faces.Embedder, str]:
  """Returns the network of faces, and a digest of its weights.

  Raises:
    UserError: No such network, or weights that do not fit it.
  """
  c = study.config
  variables = weights.load(study.weights_file(c.network_file), c.network)
  network = faces.Embedder(c.network, variables, whitened=c.whitened)
  return network, _digest(*jax.tree.leaves(variables))


def read(pairs: data.FacePairs, box: data.Box) -> np.ndarray:
  """Reads all faces.

  Returns:
    uint8 (N, H, W, 3).

  Raises:
    UserError: One cannot be read, or they differ in size.
  """
  found = [data.read_face(path, box) for path in pairs.files]
  for path, face in zip(pairs.files, found, strict=True):
    if face.shape != found[0].shape:
      raise UserError(
        f'{path} is {face.shape[1]}x{face.shape[0]} and others are'
        f' {found[0].shape[1]}x{found[0].shape[0]}: cut all faces to one size'
      )
  return np.stack(found)


@functools.partial(jax.jit, static_argnums=1)
def _resized(pictures: jax.Array, size: int) -> jax.Array:
  return resize.resize_uint8(pictures, size=(size, size))


def seen(
  crops: np.ndarray, condition: Condition, enlarger: Enlarger | None, size: int
) -> np.ndarray:
  """What the network of faces gets; every step is a picture of 8 bits.

  Args:
    crops: uint8 (N, H, W, 3).
    condition: How they are reduced and enlarged.
    enlarger: Of its method; None for `HR`.
    size: Side that the network wants.

  Returns:
    uint8 (N, size, size, 3).
  """
  x = crops
  if enlarger is not None:
    x = np.asarray(_resized(x, condition.size))
    if enlarger.enlarge is not None:
      x = np.stack([enlarger.enlarge(lr) for lr in x])
  return np.asarray(_resized(x, size))


def embed(
  study: Study, crops: np.ndarray, found: Mapping[str, Enlarger]
) -> dict[Condition, np.ndarray]:
  """Embeds all faces under every condition, or reads what an earlier start did.

  Returns:
    float64 (N, D) of length 1; with config.flip, of the joined embeddings of each face
    and its mirror image.
  """
  c = study.config
  network, digest = embedder(study)
  facts = {
    'faces': _digest(crops),
    'network': [c.network, digest, c.whitened, c.flip],
    'scale': c.scale,
  }
  folder = study.output / 'embeddings'
  conditions = [Condition(HR, 0)]
  conditions += [Condition(m, size) for size in c.sizes for m in found]
  result = {}
  for condition in conditions:
    enlarger = None if condition.method == HR else found[condition.method]
    key = json.dumps({**facts, 'method': enlarger.digest if enlarger else HR})
    path = folder / f'{condition.method}-{condition.size}.npz'
    kept = _kept(path, key)
    if kept is None:
      print(f'embedding {condition.method} {condition.size or ""}', flush=True)
      parts = []
      for start in range(0, len(crops), BATCH):
        batch = crops[start : start + BATCH]
        parts.append(
          _embed(network, seen(batch, condition, enlarger, network.size), c.flip)
        )
      kept = np.concatenate(parts)
      file = io.BytesIO()
      np.savez(file, key=key, embeddings=kept)
      output.write_bytes(path, file.getvalue())
    result[condition] = kept
  return result


def sheet(
  study: Study,
  crops: np.ndarray,
  found: Mapping[str, Enlarger],
  chosen: Sequence[int],
) -> pathlib.Path:
  """Draws what the network sees: a row a method, a column a face and size.

  Args:
    study: Whose output folder gets it.
    crops: uint8 (N, H, W, 3).
    found: The methods.
    chosen: Numbers of a few faces.

  Returns:
    The picture; it shows the user's faces and belongs into no repository.
  """
  c = study.config
  size = faces.NETWORKS[c.network].size
  few = crops[np.asarray(chosen)]
  rows = []
  for method in (HR, *found):
    row: list[np.ndarray] = []
    for n in c.sizes:
      enlarger = None if method == HR else found[method]
      row += list(seen(few, Condition(method, n), enlarger, size))
    rows.append(np.concatenate(row, 1))
  path = study.output / 'seen.png'
  output.write_png(path, Image.fromarray(np.concatenate(rows)))
  return path


def _embed(network: faces.Embedder, pictures: np.ndarray, flip: bool) -> np.ndarray:
  count = len(pictures)
  # One shape, one program.
  whole = np.zeros((BATCH, *pictures.shape[1:]), np.float32)
  whole[:count] = pictures / np.float32(255)
  parts = [faces.unit(network(jnp.asarray(whole)))]
  if flip:
    parts.append(faces.unit(network(jnp.asarray(whole[:, :, ::-1]))))
  joined = faces.unit(jnp.concatenate(parts, -1))
  return np.asarray(joined, np.float64)[:count]


def _kept(path: pathlib.Path, key: str) -> np.ndarray | None:
  """What a file holds, if it was made from the same; a damaged one holds nothing."""
  try:
    # NumPy leaves a file open that is no archive.
    with path.open('rb') as f, np.load(f) as archive:
      return archive['embeddings'] if str(archive['key']) == key else None
  except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
    return None


def _digest(*arrays: Any) -> str:
  value = hashlib.sha256()
  for array in arrays:
    value.update(np.ascontiguousarray(array).tobytes())
  return value.hexdigest()[:16]
