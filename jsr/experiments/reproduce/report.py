"""What is printed: blocks of lines of cells, whatever the format."""

import dataclasses
import decimal
from typing import Any, Literal

Kind = Literal['quoted', 'measured', 'missing']

NOT_TRAINED = 'not trained yet'
DASH = '–'


@dataclasses.dataclass(frozen=True)
class Cell:
  """A figure.

  Attributes:
    text: As it is printed; '' where there is none.
    value: In full; None where there is none. A quoted figure has what was printed.
    difference: Ours minus the quoted one, at the digits of the latter; '' for none.
  """

  text: str = ''
  value: float | None = None
  difference: str = ''


@dataclasses.dataclass(frozen=True)
class Line:
  """One method, quoted or ours.

  Attributes:
    method: Its name in print.
    kind: Quoted, measured here, or missing here.
    source: Key of the report's sources for a quoted line; '' for ours.
    cells: One a column of the block.
    note: Of a missing line the reason, of a measured one what was measured, of a quoted
      one why there is no line of ours; '' where there may be one.
  """

  method: str
  kind: Kind
  source: str
  cells: tuple[Cell, ...]
  note: str = ''


@dataclasses.dataclass(frozen=True)
class Block:
  """Lines below one heading; `columns` heads the cells, `words` follow the lines."""

  heading: str
  columns: tuple[str, ...]
  lines: tuple[Line, ...]
  words: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Report:
  """A table in print.

  Attributes:
    name: Of the table.
    title: In a few words.
    origin: Where the quoted one stands.
    sources: {key: (text, protocol)}, in the order of their numbers.
    blocks: The body.
    remarks: What a reader must know.
    header: How our figures came to be, as in a results file; empty if there are none.
  """

  name: str
  title: str
  origin: str
  sources: dict[str, tuple[str, str]]
  blocks: tuple[Block, ...]
  remarks: tuple[str, ...]
  header: dict[str, Any]

  def number(self, source: str) -> int:
    """Returns the number of a source, from 1."""
    return list(self.sources).index(source) + 1


def quoted(text: str) -> Cell:
  """Returns the cell of a printed figure, such as '28.43', '3.15*' or '∞'."""
  plain = text.rstrip('*').replace('∞', 'inf')
  return Cell(text, float(plain))


def measured(value: float | None, digits: int, beside: str = '') -> Cell:
  """Returns the cell of our figure.

  Args:
    value: The figure; None: not measured.
    digits: Its decimals in print.
    beside: The quoted figure that it is compared with; '' for none.
  """
  if value is None:
    return Cell()
  text = '∞' if value == float('inf') else f'{_rounded(value, digits):f}'
  return Cell(text.replace('-', '−'), value, _difference(value, beside))


def _rounded(value: float, digits: int) -> decimal.Decimal:
  step = decimal.Decimal(1).scaleb(-digits)
  # Half up on the decimal digits, as people round.
  return decimal.Decimal(repr(value)).quantize(step, decimal.ROUND_HALF_UP)


def _difference(value: float, beside: str) -> str:
  plain = beside.rstrip('*')
  if not plain or plain == '∞' or value == float('inf'):
    return ''
  printed = decimal.Decimal(plain)
  digits = -int(printed.as_tuple().exponent)
  difference = _rounded(value, digits) - printed
  sign = '−' if difference < 0 else '+' if difference > 0 else '±'
  return f'{sign}{abs(difference):.{digits}f}'
