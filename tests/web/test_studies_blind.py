"""What raters cannot know: nothing that their browser gets tells the method."""

import io
import re
import struct

import numpy as np
from PIL import Image

from tests.web import sites
from tests.web.studies import IMAGES, METHODS, SMALL, Person, trials

# Nothing that a rater's browser gets may say one of these.
SECRETS = (*METHODS, *IMAGES, 'nearest', 'Menagerie', 'secretstudy', 'compare')


def test_nothing_tells_the_method(make):
  """Not a page, a header, an address, nor a file."""
  study = make(*SMALL)
  pairs = make('--raters', '1', '--mode', 'pairs', '--reference', name='secretstudy2')
  seen, addresses = [], []
  for rater in (study.raters.first(), pairs.raters.first()):
    person = Person(rater).begin()
    person.finish()
    person.open()
    for page in person.pages:
      seen.append(page.content + str(dict(page.headers)).encode())
      addresses += re.findall(rb'src="(/study/p/[^"]+)"', page.content)
    # The next picture is fetched in advance, by the address that it has then.
    following = re.findall(rb'data-following="([^"]+)"', b''.join(seen))
    ahead = {a for line in following for a in line.split()}
    assert ahead <= set(addresses)
  # 13 of ratings, three pictures with each of 3 pairs and a repeat; none twice.
  assert len(set(addresses)) == len(addresses) == 13 + 3 * 4
  for address in addresses:
    answer = person.client.get(address.decode())
    data = sites.body(answer)
    assert 'private' in answer['Cache-Control']
    assert 'Content-Disposition' not in answer
    assert Image.open(io.BytesIO(data)).size == (32, 24)
    assert set(chunks(data)) == {b'IHDR', b'IDAT', b'IEND'}
    seen.append(str(dict(answer.headers)).encode() + address)
  everything = b'\n'.join(seen).lower()
  assert [name for name in SECRETS if name.lower().encode() in everything] == []


def chunks(png):
  at = 8
  while at < len(png):
    (size,) = struct.unpack('>I', png[at : at + 4])
    yield png[at + 4 : at + 8]
    at += 12 + size


def test_files_have_random_names(make, site):
  make(*SMALL)
  files = [p for p in (site / 'files').rglob('*') if p.is_file()]
  # Three images in three methods, and nearest neighbour of the example.
  assert len(files) == 10
  for file in files:
    assert re.fullmatch(
      r'study/\w\w/\w{32}\.png', str(file.relative_to(site / 'files'))
    )
    assert file.stat().st_mode & 0o077 == 0


def test_pictures_are_those_of_the_folder(make, compared):
  study = make(*SMALL)
  from jsr.web.studies.models import Picture

  for picture in Picture.objects.filter(scene__study=study):
    folder = compared / picture.scene.set / picture.scene.image
    with picture.file.open() as file:
      found = np.asarray(Image.open(file))
    if picture.method.name == 'nearest':
      expected = np.asarray(Image.open(folder / 'lr.png')).repeat(4, 0).repeat(4, 1)
    else:
      expected = np.asarray(Image.open(folder / f'{picture.method.name}.png'))
    assert np.array_equal(found, expected)


def test_only_the_key_opens_the_researchers_pages(make):
  study = make(*SMALL)
  rater = study.raters.first()
  client = sites.visitor()
  for key in (rater.token, study.name, str(study.pk), 'x' * 22):
    for page in ('', 'progress.json', 'ratings.csv', 'summary.json', 'boxes.svg'):
      assert client.get(f'/study/a/{key}/{page}').status_code == 404
  assert client.get(f'/study/r/{study.admin}/').status_code == 404
  trial = trials(rater)[0].token
  for side in ('b', 'o', 'c', 'hr'):
    assert client.get(f'/study/p/{trial}/{side}/').status_code == 404
  assert client.get('/study/').status_code == 404
  assert client.get(f'/study/a/{study.admin}/none.svg').status_code == 404
