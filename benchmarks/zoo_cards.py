"""Cards and the page of the zoo, made of its records; see benchmarks/zoo.py."""

import json
import textwrap
from collections.abc import Iterable
from typing import Any

Record = dict[str, Any]
SETS = ('Set5', 'Set14', 'BSD100')


def card(record: Record) -> str:
  """Returns the card of a record, Markdown."""
  name, scale = record['name'], record['scale']
  kind = record['results'][0]['protocol']
  sets = ','.join(dict.fromkeys(row['set'] for row in record['results']))
  facts = {
    # As code: MkDocs takes bare braces at the end of a cell for its attributes.
    'network': f'`jsr/models/{record["generator"]}.py`, x{scale},'
    f' `{json.dumps(record["args"])}`',
    'parameters': f'{record["parameters"]:,} ({record["bytes"]:,} bytes'
    f'{_stored(record)})',
    'trained on': record['data'],
    'licence of the data': record['data_licence'],
    'recipe': record['recipe'],
    'time': _time(record),
    'licence': record['licence'],
    'SHA-256': f'`{record["sha256"]}`',
  }
  parts = [
    f'# {name}',
    record['about'],
    '| | |\n|---|---|\n' + '\n'.join(f'| {k} | {v} |' for k, v in facts.items()),
    f'```sh\n{record["command"]}\n```',
    f'PSNR in dB and SSIM on Y, {record["measured"]}:',
    '```sh\n'
    + '\n'.join(
      f'jsr compare --methods bicubic,{name} --scale {each}'
      f' --sets {sets} --data DIR --protocol {kind}'
      for each in scales(record)
    )
    + '\n```',
    _table(record),
    _distance(record),
    record['remark'],
  ]
  return '\n\n'.join(part for part in parts if part) + '\n'


def scale_of(record: Record, row: dict[str, Any]) -> int:
  """Returns the factor of a row; it is told where it is not the record's own."""
  return row.get('scale', record['scale'])


def scales(record: Record) -> list[int]:
  """Returns the factors that were measured, the record's own first."""
  return list(dict.fromkeys(scale_of(record, row) for row in record['results']))


def _stored(record: Record) -> str:
  loss = f'{max(record["float16_loss"], 0):.4f} dB on Set5'
  if record['stored'] == 'float16':
    return f'; kernels stored as float16, which costs {loss}'
  why = record['float32_because']
  return f'; float16 would cost {loss}' + (f', but {why}' if why else '')


def _time(record: Record) -> str:
  told = f'{record["hours_of_last_run"]:.1f} hours, {record["device"]}'
  if not record['before']:
    return told
  runs = '; '.join(
    f'{run["what"]}, ' + (f'{run["hours"]:.1f} hours' if run['hours'] else 'not timed')
    for run in record['before']
  )
  return f'the last run: {told}. Before it: {runs}'


def hours(record: Record) -> str:
  """Returns the time of all runs, such as '4.7'; '`>` 4.7' where one was not timed."""
  known = [run['hours'] for run in record['before']]
  total = record['hours_of_last_run'] + sum(each or 0 for each in known)
  return ('' if all(known) else '`>` ') + f'{total:.1f}'


def _table(record: Record) -> str:
  head = ['set', 'protocol', 'bicubic', 'this', 'SSIM']
  measured = any('lpips_alex' in row for row in record['results'])
  head += ['LPIPS'] if measured else []
  rows = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
  for row in record['results']:
    cells = [
      f'{row["set"]} x{scale_of(record, row)}',
      row['protocol'],
      *(f'{row[key]:.2f}' for key in ('bicubic', 'psnr_y')),
      f'{row["ssim_y"]:.4f}',
    ]
    if measured:
      cells.append(f'{row["lpips_alex"]:.4f}' if 'lpips_alex' in row else '')
    rows.append('| ' + ' | '.join(cells) + ' |')
  rows += ['']
  rows += [f'{what} is unavailable: {why}.' for what, why in record['missing'].items()]
  return '\n'.join(rows).strip()


def psnr(record: Record, name: str, protocol: str) -> float | None:
  """Returns what was measured on a set, or None."""
  for row in record['results']:
    key = (row['set'], row['protocol'], scale_of(record, row))
    if key == (name, protocol, record['scale']):
      return row['psnr_y']
  return None


def distances(record: Record) -> dict[str, tuple[float, float]]:
  """Returns {set: (figure of the paper, ours less it)}, dB."""
  paper = record['paper']
  if paper is None:
    return {}
  found = {}
  for name, figure in paper['psnr_y'].items():
    ours = psnr(record, name, paper['protocol'])
    if ours is not None:
      found[name] = (figure, ours - figure)
  return found


def _distance(record: Record) -> str:
  if record['paper'] is None:
    return ''
  told = '; '.join(
    f'{name} {figure:.2f} dB, this is {signed(less)}'
    for name, (figure, less) in distances(record).items()
  )
  paper = record['paper']
  return f'Distance to the paper ({paper["source"]}): {told}. {paper["why"]}'


def signed(value: float) -> str:
  return f'{value:+.2f}'.replace('-', '−')


_HOURS = 'hours (of all runs)'


def page(records: Iterable[Record], untrained: dict[str, str], intro: str) -> str:
  """Returns docs/zoo.md.

  Args:
    records: Of all networks.
    untrained: {name: command} of those that are to be trained, or trained further.
    intro: What stands before the table.
  """
  records = list(records)
  head = ('name', 'parameters', 'MB', _HOURS, 'protocol', *SETS, 'paper')
  rows = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
  rows += [
    '| ' + ' | '.join(_cells(record, scale)) + ' |'
    for record in records
    for scale in scales(record)
  ]
  size = sum(record['bytes'] for record in records) / 1e6
  # Each reason once, by the networks that it holds for.
  missing: dict[tuple[str, str], list[str]] = {}
  for record in records:
    for reason in record['missing'].items():
      missing.setdefault(reason, []).append(record['name'])
  lacking = [
    f'{what} is unavailable'
    + ('' if len(found) == len(records) else f' for {", ".join(found)}')
    + f': {why}.'
    for (what, why), found in missing.items()
  ]
  # Devices without the versions and the day, each once.
  devices = dict.fromkeys(record['device'].partition(';')[0] for record in records)
  parts = [
    intro.strip(),
    '\n'.join(rows),
    _filled(
      'PSNR in dB / SSIM, on Y. The last column is ours less the figure that the paper'
      ' prints for the same network on Set5. Hours are those of the last run; in'
      ' brackets with those of the networks and runs that it went on from, `>` where'
      f' one part was not timed. All files together have {size:.1f} MB. '
      + ' '.join(lacking)
    ),
    '## How far from the papers, and why',
    '\n'.join(_why(record) for record in records if record['paper'] is not None),
  ]
  if untrained:
    parts += [
      '## Not trained yet, or not to the end',
      _filled(
        f'The networks above were trained {"; ".join(devices)}. These commands train'
        ' the rest in the order of the list, each as long as'
        ' `--config.train.max_minutes` says; the same command continues.'
        ' `launch/zoo.sh MINUTES DATA OUT` runs them all.'
      ),
      '```sh\n' + '\n'.join(untrained.values()) + '\n```',
    ]
  return '\n\n'.join(parts) + '\n'


def _filled(text: str, indent: str = '') -> str:
  return textwrap.fill(
    text.strip(), 88, subsequent_indent=indent, break_on_hyphens=False
  )


def _cells(record: Record, scale: int) -> tuple[str, ...]:
  kind = record['results'][0]['protocol']
  scores = []
  for name in SETS:
    row = next(
      r
      for r in record['results']
      if (r['set'], r['protocol'], scale_of(record, r)) == (name, kind, scale)
    )
    scores.append(f'{row["psnr_y"]:.2f} / {row["ssim_y"]:.4f}')
  if scale != record['scale']:
    return (f'the same, x{scale}', '', '', '', kind, *scores, '')
  far = distances(record).get('Set5')
  return (
    f'[{record["name"]}](../jsr/weights/embedded/{record["name"]}.md)',
    f'{record["parameters"]:,}',
    f'{record["bytes"] / 1e6:.2f}',
    f'{record["hours_of_last_run"]:.1f}'
    + (f' ({hours(record)})' if record['before'] else ''),
    kind,
    *scores,
    f'{signed(far[1])}' if far else '',
  )


def _why(record: Record) -> str:
  far = ', '.join(
    f'{name} {signed(less)} dB of {figure:.2f}'
    for name, (figure, less) in distances(record).items()
  )
  text = f'- **{record["name"]}**: {far}. {record["paper"]["why"]}'
  return _filled(text, '  ')
