"""What a visitor can choose from, and what may be wrong with a choice."""

import dataclasses
import difflib
import functools
import logging
import math
import pathlib
from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jsr import errors
from jsr.upscale import image_io
from jsr.web.jobs.models import Job, Kind
from jsr.weights import embedded, model_file

INTERPOLATIONS = ('nearest', 'bilinear', 'bicubic')
SCALES = (2, 3, 4, 6, 8)
MAX_SCALE = 16
# Formats that browsers show; others get a view of their own.
SHOWN = ('PNG', 'JPEG', 'WEBP', 'GIF', 'AVIF', 'BMP')
# Names of the jsr formats that a result can be downloaded in.
DOWNLOADS = ('png', 'jpeg', 'webp', 'tiff', 'avif')
_FIELDS = {
  *('kind', 'model', 'scale', 'strength', 'self_ensemble', 'seamless', 'consistent'),
  *('upload', 'image', 'csrfmiddlewaretoken'),
}
_TRUE, _FALSE = ('1', 'true', 'on', 'yes'), ('', '0', 'false', 'off', 'no')

log = logging.getLogger(__name__)

LABELS = {
  'nearest': gettext_lazy('Nearest (pixels repeated)'),
  'bilinear': gettext_lazy('Bilinear'),
  'bicubic': gettext_lazy('Bicubic'),
  'anime4k': gettext_lazy('Anime4K (drawings)'),
  'compact': gettext_lazy('Compact (photographs, the best here)'),
  'espcn': gettext_lazy('ESPCN (fast)'),
  'srcnn': gettext_lazy('SRCNN (2014)'),
}


class RefusedError(Exception):
  """A visitor's mistake.

  Attributes:
    message: One sentence: what is wrong, and what to do.
    status: Of the answer.
  """

  def __init__(self, message: str, status: int = 400):
    super().__init__(message)
    self.message, self.status = message, status


@dataclasses.dataclass(frozen=True)
class Wish:
  """What a visitor wants of a picture; see `Job` for the fields."""

  kind: str = Kind.RESULT
  model: str = embedded.DEFAULT
  scale: float = 4.0
  strength: float | None = None
  self_ensemble: bool = False
  wrap: bool = False
  consistent: bool = False


def own() -> dict[str, str]:
  """Returns {name: path} of the model files that lie in the site's folder."""
  found = {}
  for path in sorted((settings.SITE / 'models').glob('*.safetensors')):
    if _sound(path, path.stat().st_mtime_ns):
      found[path.stem] = str(path)
  return found


@functools.lru_cache(maxsize=256)
def _sound(path: pathlib.Path, changed: int) -> bool:
  """Whether a file is a model of jsr; of one that is not the log tells once."""
  try:
    model_file.load(path)
  except errors.UserError as error:
    log.warning('visitors are not offered a model: %s', error)
    return False
  return True


def models() -> list[str]:
  """Returns the names of all that visitors can enlarge with, the default first.

  Of the zoo those that have a label: the others take a processor minutes.
  """
  families = [f for f in embedded.families() if f in LABELS and f != embedded.DEFAULT]
  return [
    embedded.DEFAULT,
    *families,
    *own(),
    'anime4k',
    'bicubic',
    'bilinear',
    'nearest',
  ]


def label(model: str) -> str:
  """Returns a model's name for people."""
  return str(LABELS.get(model, model))


def is_network(model: str) -> bool:
  """Whether there is something to average over orientations."""
  return model not in (*INTERPOLATIONS, 'anime4k')


def with_partner(model: str) -> str | None:
  """Returns the member of a family that has a GAN-trained partner, or None."""
  members = embedded.family(model).values()
  return next((name for name in members if embedded.perceptual(name)), None)


def parse(data: Mapping[str, str]) -> Wish:
  """Reads a form.

  Args:
    data: Texts by field: kind, model, scale, strength, self_ensemble, seamless,
      consistent. What is missing is as in `Wish`.

  Raises:
    RefusedError: A value that there is not, or two that contradict each other.
  """
  for name in sorted(set(data) - _FIELDS):
    near = difflib.get_close_matches(name, _FIELDS, n=1)
    raise RefusedError(
      _('There is no field “%(name)s”; did you mean “%(near)s”?')
      % {'name': name[:60], 'near': near[0]}
      if near
      else _('There is no field “%(name)s”.') % {'name': name[:60]}
    )
  model = data.get('model', '').strip() or Wish.model
  if model not in models():
    raise RefusedError(
      _('There is no model “%(model)s”; choose one of: %(models)s.')
      % {'model': model[:60], 'models': ', '.join(models())}
    )
  kind = data.get('kind', '').strip() or Wish.kind
  if kind not in Kind.values:
    raise RefusedError(_('“kind” must be “result” or “trust”.'))
  strength = data.get('strength', '').strip()
  wish = Wish(
    kind=kind,
    model=model,
    scale=_number(data, 'scale', 1, MAX_SCALE) if data.get('scale') else Wish.scale,
    strength=_number(data, 'strength', 0, 1) if strength else None,
    self_ensemble=_flag(data, 'self_ensemble'),
    wrap=_flag(data, 'seamless'),
    consistent=_flag(data, 'consistent'),
  )
  wants_partner = wish.strength is not None or kind == Kind.TRUST
  if wants_partner and with_partner(model) is None:
    raise RefusedError(
      _('The model “%(model)s” has no partner for strength and trust map: choose'
        ' “compact”, or leave them out.') % {'model': model}
    )  # fmt: skip
  if wish.self_ensemble and not is_network(model):
    raise RefusedError(
      _('“%(model)s” is no network, and self-ensemble needs one: choose a network, or'
        ' leave it out.') % {'model': model}
    )  # fmt: skip
  return wish


def check_size(width: int, height: int, scale: float) -> None:
  """Raises RefusedError where a result would be larger than the site allows."""
  w, h = (math.floor(n * scale + 0.5) for n in (width, height))
  if w * h > settings.MAX_RESULT:
    largest = math.floor(10 * math.sqrt(settings.MAX_RESULT / (width * height))) / 10
    raise RefusedError(
      _(
        'The result would have %(w)d × %(h)d pixels, and this site makes at most'
        ' %(most)s: choose a scale of %(scale)g or less.'
      )
      % {'w': w, 'h': h, 'most': f'{settings.MAX_RESULT:,}', 'scale': largest},
      413,
    )


def same(wish: Wish) -> dict[str, object]:
  """Returns the fields of a job that make what the wish makes."""
  return dataclasses.asdict(wish)


def download_name(job: Job, suffix: str) -> str:
  """Returns what a visitor's computer calls a result."""
  stem = job.upload.name.rpartition('.')[0] or job.upload.name
  what = '-trust' if job.kind == Kind.TRUST else ''
  return f'{stem}-{job.model}-x{job.scale:g}{what}{suffix}'


def suffix(format: str) -> str:
  """Returns the usual suffix of a format of `DOWNLOADS`."""
  return image_io.format_of('', format).suffixes[0]


def _number(data: Mapping[str, str], name: str, least: float, most: float) -> float:
  try:
    value = float(data[name])
  except ValueError:
    value = math.nan
  if not least <= value <= most:
    raise RefusedError(
      _('“%(name)s” must be a number from %(least)g to %(most)g.')
      % {'name': name, 'least': least, 'most': most}
    )
  return value


def _flag(data: Mapping[str, str], name: str) -> bool:
  value = data.get(name, '').strip().lower()
  if value not in (*_TRUE, *_FALSE):
    raise RefusedError(_('“%(name)s” must be true or false.') % {'name': name})
  return value in _TRUE
