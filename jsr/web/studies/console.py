"""What `jsr study` does, once the site is open."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.urls import reverse

from jsr import errors
from jsr.evaluate import output, table
from jsr.web.studies import creation, export, folders, results
from jsr.web.studies.models import Mode, Picture, Study, storage

# Images of the calibration in the SRGAN paper.
EXAMPLES = 20


def create(
  name: str,
  *,
  pictures: Sequence[pathlib.Path],
  sets: Sequence[str] | None,
  methods: Sequence[str] | None,
  mode: str,
  raters: int,
  repeats: int | None,
  calibration: int | None,
  calibration_from: Sequence[pathlib.Path],
  reference: bool,
  seed: int,
  title: str,
  address: str,
) -> str:
  """Makes a study.

  Args:
    name: See `creation.Plan`, as `mode`, `raters`, `repeats`, `reference`, `seed`,
      `title`.
    pictures: Folders; see `folders.find`.
    sets: Of them; None: all.
    methods: To rate; None: all, of pairs without the original.
    calibration: Images of the calibration; None: 20, or all there are.
    calibration_from: Folders of them; empty: images of the study.
    address: Of the site, for the links.

  Returns:
    What to print: the researcher's link and the invitations.

  Raises:
    UserError: See `folders.find` and `creation.make`.
  """
  pairs = mode == Mode.PAIRS
  if pairs and (calibration or calibration_from):
    raise errors.UserError(
      'a choice between two pictures needs no scale: --calibration and'
      ' --calibration-from belong to --mode rating'
    )
  if reference and not pairs:
    raise errors.UserError('--reference belongs to --mode pairs: drop it')
  scenes = folders.find(pictures, sets)
  if methods is None:
    methods = folders.methods(scenes)
    if pairs:
      methods = [method for method in methods if method != folders.ORIGINAL]
  if reference and folders.ORIGINAL in methods:
    raise errors.UserError(
      'the original (hr) cannot be compared with itself: leave hr out of --methods, or'
      ' drop --reference'
    )
  source = folders.find(calibration_from) if calibration_from else scenes
  count = 0 if pairs else min(EXAMPLES, len(source))
  if calibration is not None:
    count = calibration
  if count > len(source):
    raise errors.UserError(
      f'--calibration {count} is more than the {len(source)} images there are; name'
      ' others with --calibration-from'
    )
  chosen = np.random.default_rng(seed).permutation(len(source))[:count]
  study = creation.make(
    creation.Plan(
      name=name,
      title=title,
      mode=mode,
      seed=seed,
      reference=reference,
      scenes=scenes,
      methods=list(dict.fromkeys(methods)),
      raters=raters,
      repeats=repeats,
      examples=[source[k] for k in sorted(chosen)],
    )
  )
  each = study.raters.first().trials.count()
  lines = [
    f"study '{name}': {len(scenes)} images in {len(dict.fromkeys(methods))} methods,"
    f' {each} trials a rater',
  ]
  if count and not calibration_from:
    lines.append(
      'the examples are images of the study itself; SRGAN took others:'
      ' --calibration-from'
    )
  return '\n'.join([*lines, '', links(study, address)])


def links(study: Study, address: str) -> str:
  """Returns the researcher's link and the invitations, one a line."""
  lines = [f'researcher  {address}{study.get_absolute_url()}']
  for rater in study.raters.all():
    link = f'{address}{reverse("studies:rate", args=[rater.token])}'
    lines.append(f'{f"rater {rater.number}":10}  {link}')
  return '\n'.join(lines)


def get(name: str) -> Study:
  """Returns a study.

  Raises:
    UserError: There is none of this name.
  """
  study = Study.objects.filter(name=name).first()
  if study is not None:
    return study
  known = list(Study.objects.values_list('name', flat=True))
  if not known:
    raise errors.UserError(
      'there is no study on this site; make one with jsr study create, or name the'
      ' site with --site'
    )
  raise errors.unknown('study', name, known)


def status(name: str, *, as_json: bool, address: str) -> str:
  """Returns what to print of a study: how far it is, and what it has found."""
  study = get(name)
  raters = results.progress(study)
  found = results.summary(study, results.find(study))
  if as_json:
    keys = ('number', 'done', 'total', 'begun', 'latest')
    found['progress'] = results.plain([{k: r[k] for k in keys} for r in raters])
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)
  counts = found['raters']
  done, total = (sum(r[key] for r in raters) for key in ('done', 'total'))
  lines = [
    f"study '{name}' is {'open' if study.open else 'closed'}: {done} of {total}"
    f' answers, {counts["finished"]} of {counts["invited"]} raters have finished',
    '',
    *_table(found),
    '',
    links(study, address),
  ]
  return '\n'.join(lines)


def delete(name: str, *, yes: bool) -> str:
  """Deletes a study: pictures, invitations and answers.

  Args:
    name: Of the study.
    yes: Whether that is what is wanted.

  Returns:
    What to print: what was deleted.

  Raises:
    UserError: There is no such study, or `yes` is False.
  """
  study = get(name)
  count = sum(rater['done'] for rater in results.progress(study))
  if not yes:
    raise errors.UserError(
      f"study '{name}' has {count} answers, which would be lost; --yes deletes it"
    )
  pictures = Picture.objects.filter(scene__study=study)
  files = list(pictures.values_list('file', flat=True))
  study.delete()
  # Last: a study that is still there must have its pictures.
  for file in files:
    storage().delete(file)
  return f"study '{name}' is deleted: {len(files)} pictures, {count} answers"


def write(name: str, folder: pathlib.Path) -> list[pathlib.Path]:
  """Writes ratings.csv, summary.json and the plots.

  Args:
    name: Of the study.
    folder: Is made where it is missing; files of these names are replaced.

  Returns:
    What was written.

  Raises:
    UserError: There is no such study, or a file cannot be written.
  """
  study = get(name)
  found = results.find(study)
  summary = results.summary(study, found)
  files = {
    'ratings.csv': export.text(study),
    'summary.json': json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False)
    + '\n',
    **{f'{key}.svg': svg + '\n' for key, svg in results.plots(study, found).items()},
  }
  for file, text in files.items():
    output.write_text(folder / file, text)
  return [folder / file for file in files]


def _table(found: dict[str, Any]) -> list[str]:
  if found['mode'] == Mode.PAIRS:
    head = ('method', 'choices', 'preferred', '95 % interval', 'Bradley-Terry')
    body = [
      (
        one['method'],
        str(one['n']),
        results.figure(one['rate']),
        results.span(one['rate_low'], one['rate_high']),
        results.figure(one['score']),
      )
      for one in found['strengths']
    ]
    tests = [
      (f'{one["a"]} : {one["b"]}', results.share(one['rate']), one['p_holm'])
      for one in found['duels']
      if one['significant']
    ]
  else:
    head = ('method', 'ratings', 'mean', '95 % interval', '')
    body = [
      (
        one['method'],
        str(one['n']),
        results.figure(one['mean']),
        results.span(one['low'], one['high']),
        '',
      )
      for one in found['opinions']
    ]
    tests = [
      (
        f'{one["a"]} : {one["b"]}',
        table.number(one['difference'], 2, sign=True),
        one['p_holm'],
      )
      for one in found['contrasts']
      if one['significant']
    ]
  width = [max(len(row[k]) for row in [head, *body]) for k in range(len(head))]
  lines = [
    '  '.join(
      cell.ljust(w) if k == 0 else cell.rjust(w)
      for k, (cell, w) in enumerate(zip(row, width, strict=True))
    ).rstrip()
    for row in [head, *body]
  ]
  lines += [
    '',
    'significant (p < 0.05 after Holm):' if tests else 'nothing significant',
  ]
  lines += [f'  {pair}  {value}  {results.chance(p)}' for pair, value, p in tests]
  return lines
