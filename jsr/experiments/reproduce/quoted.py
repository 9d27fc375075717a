"""Published figures: the files of jsr/experiments/published, one a table.

Figures are kept as they were printed, as text: '0.872' says less than '0.8720', and a
difference is taken at the digits that the source prints. Each row names its source, and
each source its protocol.
"""

import dataclasses
import importlib.resources
import json
from collections.abc import Mapping
from typing import Any

from jsr import errors


@dataclasses.dataclass(frozen=True)
class Column:
  """A figure of each row.

  Attributes:
    key: Its name in the files.
    title: Its heading.
    digits: Decimals of our figures.
    metric: What `jsr.evaluate` calls it; None: quoted only.
  """

  key: str
  title: str
  digits: int
  metric: str | None


@dataclasses.dataclass(frozen=True)
class Source:
  """Where a figure was printed, and by which rule it was measured there."""

  text: str
  protocol: str


@dataclasses.dataclass(frozen=True)
class Method:
  """A row of the table.

  Attributes:
    key: Its name for --weights.
    title: Its name in print.
    spec: Of a method that needs no training, see `jsr.evaluate.methods.resolve`.
    runs: Names that a workdir of it may have.
    quoted_only: Why jsr has no such row; '' where it may have one.
    generator: Whose speed is measured; '' for none.
  """

  key: str
  title: str
  spec: str = ''
  runs: tuple[str, ...] = ()
  quoted_only: str = ''
  generator: str = ''


@dataclasses.dataclass(frozen=True)
class Row:
  """Figures of one method on one set, as printed: {column: text}."""

  method: str
  set: str
  source: str
  values: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Published:
  """A published table.

  Attributes:
    name: For the command line.
    title: In a few words.
    origin: Where it stands.
    scale: The factor.
    protocol: Of our measurements, see `jsr.evaluate.protocol`; None: none are made.
    comparable: Whether the quoted pictures are ours, so that a difference means
      something.
    sources: {key: source}.
    columns: The figures.
    methods: The rows, in order.
    quoted: What was printed.
    remarks: What a reader must know.
    extra: Metrics beside the protocol's, by name.
    average: Name of the block of means over the sets; '' for none.
    rankings: {what: [methods that share a rank, best first]}.
  """

  name: str
  title: str
  origin: str
  scale: int
  protocol: str | None
  comparable: bool
  sources: Mapping[str, Source]
  columns: tuple[Column, ...]
  methods: tuple[Method, ...]
  quoted: tuple[Row, ...]
  remarks: tuple[str, ...]
  extra: tuple[str, ...] = ()
  average: str = ''
  rankings: Mapping[str, list[list[str]]] = dataclasses.field(default_factory=dict)

  @property
  def sets(self) -> list[str]:
    """The sets of the quoted rows, in order, without the average."""
    return [s for s in dict.fromkeys(r.set for r in self.quoted) if s != self.average]

  def method(self, key: str) -> Method:
    """Returns a method by its key.

    Raises:
      UserError: The table has no such method.
    """
    for method in self.methods:
      if method.key == key:
        return method
    raise errors.unknown(f'method of {self.name}', key, [m.key for m in self.methods])


def _folder() -> Any:
  return importlib.resources.files('jsr.experiments') / 'published'


def names() -> list[str]:
  """Returns the names of all tables."""
  files = (entry.name for entry in _folder().iterdir())
  return sorted(name.removesuffix('.json') for name in files if name.endswith('.json'))


def load(name: str) -> Published:
  """Reads a table.

  Raises:
    UserError: There is no such table.
  """
  if name not in names():
    raise errors.unknown('table', name, names())
  fields = json.loads((_folder() / f'{name}.json').read_text(encoding='utf-8'))
  fields['sources'] = {k: Source(**v) for k, v in fields['sources'].items()}
  fields['columns'] = tuple(Column(**c) for c in fields['columns'])
  fields['methods'] = tuple(
    Method(**{**m, 'runs': tuple(m['runs'])} if 'runs' in m else m)
    for m in fields['methods']
  )
  fields['quoted'] = tuple(Row(**r) for r in fields['quoted'])
  fields['extra'] = tuple(fields.get('extra', ()))
  fields['remarks'] = tuple(fields['remarks'])
  return Published(**fields)
