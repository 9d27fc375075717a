"""Quality: a published table beside what jsr measures, set by set."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jsr import errors
from jsr.evaluate import comparison, methods
from jsr.experiments.reproduce import quoted, report
from jsr.experiments.reproduce.report import Block, Cell, Line

# (specs as LABEL=SPEC, set) -> a results mapping, see `jsr.evaluate.table`.
Measure = Callable[[Sequence[str], str], Mapping[str, Any]]

# Of a results file, what a report says of its figures.
HEADER = ('protocol', 'versions', 'machine', 'date')


@dataclasses.dataclass(frozen=True)
class Ours:
  """What jsr has for a method: something to measure, or the reason why not.

  Neither, where a method is only quoted.
  """

  spec: str = ''
  reason: str = ''


def find(
  table: quoted.Published,
  *,
  weights: Mapping[str, str],
  runs: pathlib.Path | None = None,
) -> dict[str, Ours]:
  """Finds what there is to measure for each method.

  Args:
    table: The table.
    weights: {method: workdir, model file or images:FOLDER}, from the user.
    runs: Folder of workdirs that are named like the configs.

  Raises:
    UserError: Weights for a method that the table does not have, or that cannot be
      read; the folder does not exist.
  """
  for key, spec in weights.items():
    table.method(key)
    _resolve(f'{key}={spec}', table.scale)
  if runs is not None and not runs.is_dir():
    raise errors.UserError(f'there is no folder {runs}')
  return {m.key: _one(m, table.scale, weights, runs) for m in table.methods}


def _resolve(spec: str, scale: int) -> None:
  method = methods.resolve(spec)
  if isinstance(method, methods.Network):
    method.check_scale(scale)


def _one(
  method: quoted.Method,
  scale: int,
  weights: Mapping[str, str],
  runs: pathlib.Path | None,
) -> Ours:
  if method.key in weights:
    return Ours(f'{method.key}={weights[method.key]}')
  if method.spec:
    return Ours(f'{method.key}={method.spec}')
  if method.quoted_only:
    return Ours()
  reason = report.NOT_TRAINED
  for folder in sorted(runs.iterdir()) if runs else ():
    if folder.is_dir() and folder.name.lower().replace('_', '-') in method.runs:
      spec = f'{method.key}={folder.resolve()}'
      try:
        _resolve(spec, scale)
      except errors.UserError as error:
        # A run that has not come to its first checkpoint, or has another factor, is no
        # mistake of the user.
        reason = f'{report.NOT_TRAINED} ({error})'
      else:
        return Ours(spec)
  return Ours(reason=reason)


def measure_with(
  table: quoted.Published, *, data: str | None, limit: int | None
) -> Measure:
  """Returns the measuring function: `comparison.compare`, which includes the gate."""

  def measure(specs: Sequence[str], set_name: str) -> Mapping[str, Any]:
    assert table.protocol is not None
    results, _ = comparison.compare(
      specs,
      sets=[set_name],
      scale=table.scale,
      data=data,
      limit=limit,
      protocol=table.protocol,
      metrics=table.extra,
    )
    return results

  return measure


def present(sets: Sequence[str], data: str | None) -> dict[str, str]:
  """Returns {set: '' if it is there, or the reason why not}.

  Raises:
    UserError: The folder does not exist, or holds none of the sets.
  """
  if data is None:
    return dict.fromkeys(sets, 'not measured (needs --data)')
  root = pathlib.Path(data)
  if not root.is_dir():
    raise errors.UserError(f'there is no folder {root}; --data is the folder of sets')
  found = {
    s: '' if (root / s / 'HR').is_dir() else f'not measured (no {s} in --data)'
    for s in sets
  }
  if sets and all(found.values()):
    raise errors.UserError(
      f'{root} has none of the sets {", ".join(sets)}; expected such as'
      f' {root / sets[0] / "HR"}'
    )
  return found


def quoted_blocks(table: quoted.Published) -> list[Block]:
  """Returns what was printed, alone: nothing of ours can be put beside it."""
  made = []
  for name in table.sets:
    lines = []
    for method in table.methods:
      only = f'published only: {method.quoted_only}' if method.quoted_only else ''
      lines += _printed(table, method, name, only)
    made.append(_block(table, f'As published: {name}', lines))
  return made


def blocks(
  table: quoted.Published,
  ours: Mapping[str, Ours],
  *,
  measure: Measure,
  there: Mapping[str, str],
  limit: int | None = None,
) -> tuple[list[Block], dict[str, Any]]:
  """Measures what can be measured and lays it beside the quoted rows.

  Args:
    table: The table.
    ours: See `find`.
    measure: See `measure_with`.
    there: See `present`.
    limit: Of the pictures of each set; figures of a part are compared with nothing.

  Returns:
    A block a set (and one of the means where the table has one), and the header of
    the measurements.

  Raises:
    UserError: Measuring failed, or the gate refused the set.
  """
  made: list[Block] = []
  means: dict[str, list[Mapping[str, Any]]] = {}
  header: dict[str, Any] = {}
  for name in there:
    specs = [o.spec for o in ours.values() if o.spec]
    rows: dict[str, Mapping[str, Any]] = {}
    known: Mapping[str, str] = {}
    if not there[name] and specs:
      results = measure(specs, name)
      header = {k: results[k] for k in HEADER if k in results}
      known = results.get('references', {})
      rows = {row['method']: row for row in results['rows']}
    for key, row in rows.items():
      means.setdefault(key, []).append(row)
    n = {int(row['n']) for row in rows.values()}
    count = f', {n.pop()} images' if n else ''
    if count and limit:
      count += f' of at most {limit}: a part, compared with nothing'
    if known.get(name) == 'no reference':
      count += ', no reference: nothing vouches for these pictures'
    lines = _lines(table, name, ours, rows, there[name], beside=limit is None)
    made.append(_block(table, f'{name} ×{table.scale}{count}', lines))
  if table.average:
    averages = {
      key: _mean_row(table, rows)
      for key, rows in means.items()
      if len(rows) == len(table.sets)
    }
    # What was printed is the mean of all sets, however few were asked for.
    gone = [name for name in table.sets if there.get(name, 'not asked for')]
    reason = f'no mean ({", ".join(gone)} not measured)' if gone else ''
    lines = _lines(table, table.average, ours, averages, reason, beside=limit is None)
    made.append(_block(table, f'{table.average} of the sets ×{table.scale}', lines))
  return made, header


def _mean_row(
  table: quoted.Published, rows: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
  mean: dict[str, Any] = {'note': rows[0].get('note', '')}
  for column in table.columns:
    if column.metric:
      values = [row.get(column.metric) for row in rows]
      found = [v for v in values if v is not None]
      mean[column.metric] = sum(found) / len(found) if found == values else None
  return mean


def _block(table: quoted.Published, heading: str, lines: Sequence[Line]) -> Block:
  return Block(heading, tuple(c.title for c in table.columns), tuple(lines))


def _lines(
  table: quoted.Published,
  set_name: str,
  ours: Mapping[str, Ours],
  rows: Mapping[str, Mapping[str, Any]],
  absent: str,
  *,
  beside: bool,
) -> list[Line]:
  lines = []
  for method in table.methods:
    mine = ours[method.key]
    if mine == Ours():
      only = f'published only: {method.quoted_only}'
      lines += _printed(table, method, set_name, only)
      continue
    lines += _printed(table, method, set_name)
    if method.key not in rows:
      reason = mine.reason or absent
      if not reason:
        raise ValueError(f'{method.key} has neither a figure nor a reason')
      cells = (Cell(),) * len(table.columns)
      lines.append(Line(method.title, 'missing', '', cells, reason))
      continue
    row = rows[method.key]
    compared: Mapping[str, str] = {}
    if beside and table.comparable:
      compared = next(
        (r.values for r in table.quoted if (r.method, r.set) == (method.key, set_name)),
        {},
      )
    cells = tuple(
      report.measured(row.get(c.metric), c.digits, compared.get(c.key, ''))
      if c.metric
      else Cell()
      for c in table.columns
    )
    lines.append(Line(method.title, 'measured', '', cells, row.get('note') or ''))
  return lines


def _printed(
  table: quoted.Published, method: quoted.Method, set_name: str, note: str = ''
) -> list[Line]:
  return [
    Line(
      method.title,
      'quoted',
      row.source,
      tuple(
        report.quoted(row.values[c.key]) if c.key in row.values else Cell()
        for c in table.columns
      ),
      note,
    )
    for row in table.quoted
    if (row.method, row.set) == (method.key, set_name)
  ]
