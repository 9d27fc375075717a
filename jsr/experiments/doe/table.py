"""Tables of designed experiments, and CSV files with them."""

import csv
import dataclasses
import io
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np

from jsr.errors import UserError
from jsr.experiments.doe import arrays

# A column of this name counts runs; it is no factor.
RUN = 'run'


@dataclasses.dataclass(frozen=True)
class Table:
  """What was tried, and what came of it; replicates of a run are one row.

  Attributes:
    runs: Names of the rows.
    factors: Levels of each factor, as text, by its name.
    levels: int (runs, factors): which level of each.
    responses: Of each response, the values of each run.
  """

  runs: tuple[str, ...]
  factors: Mapping[str, tuple[str, ...]]
  levels: np.ndarray
  responses: Mapping[str, Sequence[Sequence[float]]]

  def check_orthogonal(self) -> None:
    """Raises UserError unless main effects can be told apart."""
    for factor, levels in self.factors.items():
      if len(levels) < 2:
        raise UserError(f"factor '{factor}' has one level only; leave it out")
    if not arrays.is_orthogonal(self.levels) or any(
      len(set(np.bincount(column).tolist())) > 1 for column in self.levels.T
    ):
      raise UserError(
        f'the levels of {", ".join(self.factors)} are no orthogonal array: each pair of'
        ' levels of two factors must occur equally often (a column that is neither a'
        ' factor nor a response is left out by --ignore)'
      )

  def setting(self, row: int) -> dict[str, str]:
    """Returns the level of each factor in a row."""
    return {
      factor: levels[self.levels[row, i]]
      for i, (factor, levels) in enumerate(self.factors.items())
    }


def make(
  rows: Sequence[Mapping[str, str]],
  responses: Mapping[str, Sequence[Sequence[float]]],
  runs: Sequence[str] | None = None,
) -> Table:
  """Makes a table; rows with the same levels become one run with their values.

  Args:
    rows: Level of each factor.
    responses: Values of each row.
    runs: Names of rows; None: numbers from 1.
  """
  factors = {name: tuple(dict.fromkeys(r[name] for r in rows)) for name in rows[0]}
  places: dict[tuple[str, ...], int] = {}
  for row in rows:
    places.setdefault(tuple(row.values()), len(places))
  merged: dict[str, list[list[float]]] = {
    name: [[] for _ in places] for name in responses
  }
  names: list[str] = [''] * len(places)
  for i, row in enumerate(rows):
    place = places[tuple(row.values())]
    names[place] = names[place] or (runs[i] if runs else str(place + 1))
    for name, values in responses.items():
      merged[name][place] += list(values[i])
  levels = np.array(
    [
      [factors[name].index(level) for name, level in zip(factors, row, strict=True)]
      for row in places
    ]
  )
  return Table(tuple(names), factors, levels, merged)


def read(
  path: pathlib.Path, responses: Sequence[str], ignore: Sequence[str] = ()
) -> Table:
  """Reads a CSV file: columns of responses and their replicates; all others factors.

  Columns NAME.2, NAME.3 and rows with the same levels are replicates; a column 'run'
  names rows.

  Args:
    path: With a header.
    responses: Names of columns.
    ignore: Columns that are neither factors nor responses.

  Raises:
    UserError: The file cannot be read as such a table.
  """
  try:
    with path.open(newline='', encoding='utf-8-sig') as file:
      lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
  except (OSError, UnicodeDecodeError, csv.Error) as error:
    reason = (
      getattr(error, 'strerror', None) or 'it is no text of comma-separated cells'
    )
    raise UserError(f'{path} cannot be read: {reason}') from error
  if len(lines) < 2:
    raise UserError(f'{path} has no rows below a header')
  header = [cell.strip() for cell in lines[0]]
  if '' in header or len(set(header)) < len(header):
    raise UserError(f'{path}: every column needs a name of its own in the first line')
  for number, line in enumerate(lines[1:], 2):
    if len(line) != len(header):
      raise UserError(
        f'{path}: row {number} has {len(line)} cells, the header {len(header)}'
      )
  columns = {
    name: [line[i].strip() for line in lines[1:]] for i, name in enumerate(header)
  }
  found: dict[str, list[list[float]]] = {}
  strange = [name for name in ignore if name not in header]
  if strange:
    raise UserError(f"{path} has no column '{strange[0]}' to ignore")
  of_responses = {*ignore} | ({RUN} if RUN not in responses else set())
  for response in responses:
    names = [n for n in header if re.fullmatch(rf'{re.escape(response)}(\.\d+)?', n)]
    if not names:
      raise UserError(
        f"{path} has no column '{response}'; its columns are {', '.join(header)}"
      )
    of_responses |= set(names)
    cells = [_numbers(path, name, columns[name]) for name in names]
    found[response] = [list(values) for values in zip(*cells, strict=True)]
  factors = [name for name in header if name not in of_responses]
  if not factors:
    raise UserError(f'{path} has no factors: every column is a response')
  rows = [{name: columns[name][i] for name in factors} for i in range(len(lines) - 1)]
  names_of_runs = columns[RUN] if RUN in columns and RUN not in responses else None
  return make(rows, found, names_of_runs)


def _numbers(path: pathlib.Path, name: str, cells: Sequence[str]) -> list[float]:
  values = []
  for number, cell in enumerate(cells, 2):
    try:
      values.append(float(cell))
    except ValueError:
      raise UserError(
        f"{path}: '{cell}' in column '{name}', row {number}, is no number"
      ) from None
  return values


def write_csv(table: Table) -> str:
  """Returns the table as CSV that `read` takes."""
  text = io.StringIO()
  out = csv.writer(text, lineterminator='\n')
  most = {name: max(map(len, v)) for name, v in table.responses.items()}
  header = [RUN, *table.factors]
  for name, count in most.items():
    header += [name, *(f'{name}.{i}' for i in range(2, count + 1))]
  out.writerow(header)
  for row, run in enumerate(table.runs):
    line = [run, *table.setting(row).values()]
    for name, values in table.responses.items():
      missing = ['nan'] * (most[name] - len(values[row]))
      line += [repr(float(x)) for x in values[row]] + missing
    out.writerow(line)
  return text.getvalue()
