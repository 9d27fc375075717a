"""Puts a trained network into the zoo, and writes what people read of it.

  python benchmarks/zoo.py add WORKDIR NAME --data DIR --command 'jsr train ...'
      --about 'One line for the list.' --trained-on 'T91' --licence 'none stated'
      [--paper FILE.json] [--remark TEXT] [--calibrate FOLDER] [--since STEP]
      [--after-steps STEPS --after-hours HOURS] [--device TEXT] [--where TEXT]
  python benchmarks/zoo.py write
  python benchmarks/zoo.py check

`add` takes the latest checkpoint, never one that pictures have chosen, and measures it
on the spot by the package's own protocols. It writes NAME.safetensors (float16 where
that costs less than 0.005 dB on Set5), the record NAME.json, and, with `--calibrate`, a
folder of training pictures, the 8-bit form too; then it does what `write` does.
FILE.json has 'source', 'protocol', 'psnr_y' ({set: dB}) and 'training' of the paper
('steps', 'batch', 'patch', 'data'), with which this training is compared. The rows of
`rgb8` go into the website's tables as well. `--since` takes the mean of the parameters
over the steps since that earlier checkpoint, for runs that are too short for their
moving average: it has not forgotten the beginning. `--after-...` are the steps and
hours of an earlier training of the same network that this one went on from, by
config.init_from; they count, and are told apart from those of the last run. `--device`
is what the training ran on, where that is not this machine, and `--where` says how much
of it the training had. LPIPS is measured under `rgb8` where AlexNet's weights can be
had; where they cannot, the record says why.

`write` makes the cards and docs/zoo.md of the records; `check` tells, with status 1,
which of them is not what its records give.
"""

import argparse
import itertools
import json
import pathlib
import re
import subprocess
import sys
from typing import Any

import zoo_cards

from jsr.weights import embedded, model_file

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / 'docs' / 'zoo.md'
SITE = ROOT / 'jsr' / 'web' / 'pages' / 'results'
SETS = list(zoo_cards.SETS)
LPIPS = 'lpips_alex'
# dB on Set5 that half the size may cost.
LOSS = 0.005
# dB below its paper at which a network is still to be trained.
FAR = 0.3
INTRO = """
# The zoo

The networks that jsr has trained itself. `jsr zoo list` prints them, `jsr zoo card`
what one of them is, `jsr zoo fetch NAME -o FOLDER` copies its file, checked. Each name
goes wherever a model goes: `jsr upscale --model NAME`, `jsr compare --methods NAME`,
`jsr.load('NAME')`. This page is written by `benchmarks/zoo.py`.
"""


def texts() -> dict[pathlib.Path, str]:
  """Returns all that is made of the records, by file."""
  records = [embedded.record(name) for name in embedded.names()]
  made = {embedded.FOLDER / f'{r["name"]}.md': zoo_cards.card(r) for r in records}
  # What the launcher would train, of what is not here yet or far from its paper.
  script = [str(ROOT / 'launch' / 'zoo.sh'), '-n', 'MINUTES', 'DATA', 'OUT']
  lines = subprocess.run(['bash', *script], check=True, capture_output=True, text=True)
  commands = [line.strip() for line in lines.stdout.splitlines()]
  far = {r['name']: zoo_cards.distances(r).get('Set5') for r in records}
  known = {name for name, found in far.items() if found and found[1] > -FAR}
  planned = {re.search(r'--workdir OUT/(\S+)', line)[1]: line for line in commands}
  untrained = {name: line for name, line in planned.items() if name not in known}
  made[PAGE] = zoo_cards.page(records, untrained, INTRO)
  return made


def write() -> int:
  for path, text in texts().items():
    path.write_text(text, encoding='utf-8')
  return 0


def check() -> int:
  wrong = [
    path
    for path, text in texts().items()
    if not path.is_file() or path.read_text(encoding='utf-8') != text
  ]
  for path in wrong:
    print(f'{path.relative_to(ROOT)} is not what its records give', file=sys.stderr)
  return 1 if wrong else 0


def hours(workdir: pathlib.Path) -> float:
  """Adds up the time between the log's lines."""
  from jsr.train import logs

  total, before = 0.0, 0
  for record in logs.read(workdir / logs.FILE):
    if 'steps_per_second' in record:
      total += (record['step'] - before) / record['steps_per_second']
      before = record['step']
  return total / 3600


def lpips() -> tuple[list[Any], dict[str, str]]:
  """Returns LPIPS for `measure`, or {'LPIPS': why there is none}."""
  from jsr.errors import UserError
  from jsr.evaluate import extra, protocol

  try:
    return extra.open_metrics([LPIPS], protocol.get('rgb8')), {}
  except UserError as error:
    print(f'LPIPS is left out: {error}', file=sys.stderr)
    return [], {'LPIPS': "AlexNet's weights were not at hand"}


def measure(
  path: pathlib.Path, name: str, data: str, sets: list[str], extra: list[Any]
) -> list[Any]:
  """Measures a model file; returns rows of `jsr compare`, each with its protocol."""
  from jsr.evaluate import benchmark, methods, protocol
  from jsr.evaluate import sets as picture_sets

  network, bicubic = methods.from_file(path, name), methods.resolve('bicubic')
  kinds = ('y_float', 'rgb8') if network.color == 'y' else ('rgb8',)
  # The factor that the network is listed under comes first.
  scales = sorted(network.scales, key=lambda scale: (scale != network.scale, scale))
  rows = []
  for scale, pictures, kind in itertools.product(
    scales, picture_sets.open_sets(sets, data=data, lr=None, limit=None), kinds
  ):
    rule, more = protocol.get(kind), extra if kind == 'rgb8' else []
    before, got = (
      benchmark.measure(m, pictures, scale, rule, timed=False, extra=more)
      for m in (bicubic, network)
    )
    rows.append(got | {'protocol': kind, 'bicubic': before['psnr_y']})
    print(f'{pictures.name} x{scale}', kind, f'{got["psnr_y"]:.3f}', flush=True)
  return rows


def mean_since(workdir: pathlib.Path, step: int) -> Any:
  """Returns the mean of the parameters over the steps since an earlier checkpoint.

  With decay d, average_n = d^(n - m) average_m + what came since m, whose weights are
  almost alike as long as n - m is small against 1 / (1 - d), and sum to 1 - d^(n - m).
  """
  import jax

  from jsr.train import checkpoint

  found = checkpoint.Checkpoints(workdir, best_metric='', read_only=True)
  last = max(found.steps)
  late, early = (found.restore_inference(n) for n in (last, step))
  found.close()
  if set(late) != {'params'}:
    sys.exit('--since is for networks without running statistics, which it cannot mend')
  config = json.loads((workdir / 'config.json').read_text())
  old = config['optim']['ema_decay'] ** (last - step)
  mean = jax.tree.map(
    lambda a, b: ((a.astype('d') - old * b.astype('d')) / (1 - old)).astype('f'),
    *(late['params'], early['params']),
  )
  return {'params': mean}


def on_set5(rows: list[Any]) -> dict[tuple[int, str], float]:
  """Returns {(scale, protocol): PSNR}."""
  return {
    (row['scale'], row['protocol']): row['psnr_y']
    for row in rows
    if row['set'] == 'Set5'
  }


def store(
  path: pathlib.Path, model: Any, name: str, data: str, extra: list[Any]
) -> tuple[dict[str, Any], list[Any]]:
  """Writes the model file in the least precision that is good enough, and measures."""
  from jsr.evaluate import conversion

  conversion.save(path, model)
  whole = on_set5(measure(path, name, data, ['Set5'], []))
  conversion.save(path, model, half=True)
  rows = measure(path, name, data, SETS, extra)
  halved = on_set5(rows)
  loss = max(figure - halved[key] for key, figure in whole.items())
  half = loss < LOSS
  if not half:
    conversion.save(path, model)
    rows = measure(path, name, data, SETS, extra)
  kind = 'float16' if half else 'float32'
  # A reason is for those whose kernels stay float32 although the loss is small.
  return {'stored': kind, 'float16_loss': round(loss, 6), 'float32_because': ''}, rows


def distance(paper: dict[str, Any], steps: int, ours: dict[str, Any], data: str) -> Any:
  """Returns what a record says of the paper; the trainings explain the distance."""
  theirs = paper.pop('training')
  pixels = [
    n * c * p**2
    for n, c, p in (
      (steps, ours['batch_size'], ours['patch_size']),
      (theirs['steps'], theirs['batch'], theirs['patch']),
    )
  ]
  text, other = (
    f'{n:,} steps of {c} HR patches of {p} x {p} of {d}'
    for n, c, p, d in (
      (steps, ours['batch_size'], ours['patch_size'], data.partition(':')[0]),
      (theirs['steps'], theirs['batch'], theirs['patch'], theirs['data']),
    )
  )
  share = f'{100 * pixels[0] / pixels[1]:.2g} % of the pixels that it saw'
  return paper | {'why': f'{text}, where the paper has {other}: {share}.'}


def add(args: argparse.Namespace) -> int:
  import hashlib

  from jsr.evaluate import conversion, machine, methods
  from jsr.upscale import quantize

  name = args.name
  model = conversion.read_workdir(args.workdir, 'latest')
  model = model._replace(note=f'{name} of jsr, {model.note.rpartition(", ")[2]}')
  if args.since:
    model = model._replace(variables=mean_since(args.workdir, args.since))
  path = embedded.FOLDER / f'{name}{model_file.SUFFIX}'
  metrics, missing = lpips()
  stored, rows = store(path, model, name, args.data, metrics)
  for old in embedded.FOLDER.glob(f'{name}.*{quantize.SUFFIX}'):
    old.unlink()
  if args.calibrate:
    network = methods.from_file(path, name)
    pictures = quantize.calibration(args.calibrate, network, model.scale)
    form = quantize.quantise(network, model.scale, pictures)
    key = quantize.fingerprint(network, model.scale)
    (embedded.FOLDER / f'{name}.{key}{quantize.SUFFIX}').write_bytes(form)
  config = json.loads((args.workdir / 'config.json').read_text())
  rule, patch = config['optim']['generator'], config['data']['patch_size']
  flat = model_file.flatten(model.variables['params'])
  steps = args.after_steps + int(model.note.rpartition(' ')[2])
  paper = json.loads(args.paper.read_text()) if args.paper else None
  if paper:
    paper = distance(paper, steps, config['data'], args.trained_on)
  record = {
    'name': name,
    'about': args.about,
    'generator': model.generator,
    'scale': model.scale,
    'args': model.args,
    'parameters': sum(a.size for a in flat.values()),
    'bytes': path.stat().st_size,
    'sha256': hashlib.sha256(path.read_bytes()).hexdigest(),
    **stored,
    'data': f"{args.trained_on}; LR by MATLAB's bicubic",
    'data_licence': args.licence,
    'recipe': f'{config["losses"]["pixel"]} loss, {rule["name"]} from'
    f' {rule["learning_rate"]}, schedule {rule["schedule"]},'
    f' {model.note.rpartition(", ")[2]} of {config["data"]["batch_size"]} HR patches of'
    f' {patch} x {patch}'
    + (f', after {args.after_steps:,} of another run' if args.after_steps else '')
    + (f'; parameters are the mean since step {args.since}' if args.since else ''),
    'command': args.command,
    'hours_of_last_run': round(hours(args.workdir), 2),
    'before': before(args.after_steps, args.after_hours),
    'device': f'{args.where} {args.device or machine.describe()}',
    'licence': 'that of jsr; the pictures it was trained on are not part of it',
    'measured': machine.describe(),
    'results': [
      {
        **{key: row[key] for key in ('set', 'protocol')},
        **({'scale': row['scale']} if row['scale'] != model.scale else {}),
        **{key: round(row[key], 4) for key in ('bicubic', 'psnr_y')},
        'ssim_y': round(row['ssim_y'], 6),
        **({LPIPS: round(row[LPIPS], 6)} if LPIPS in row else {}),
      }
      for row in rows
    ],
    'missing': missing,
    'paper': paper,
    'remark': args.remark,
  }
  text = json.dumps(record, indent=1, ensure_ascii=False) + '\n'
  (embedded.FOLDER / f'{name}.json').write_text(text, encoding='utf-8')
  tell_site(name, rows)
  return write()


def before(steps: int, known: float) -> list[dict[str, Any]]:
  """Returns what a record says of the runs that the last one went on from."""
  if not steps:
    return []
  return [{'what': f'{steps:,} steps of another run', 'hours': known or None}]


def tell_site(name: str, rows: list[Any]) -> None:
  """Puts the rows of `rgb8` into the website's tables, last of each set."""
  from jsr.evaluate import benchmark, comparison

  for row in rows:
    if row['protocol'] != 'rgb8':
      continue
    path = SITE / f'x{row["scale"]}.json'
    results = json.loads(path.read_text())
    new = {k: v for k, v in row.items() if k not in ('protocol', 'bicubic')}
    new.pop(LPIPS, None)  # No column of these tables.
    # The machine had other work, and each new size was compiled.
    new['seconds_per_image'] = None
    for each in new['per_image'].values():
      each['seconds'] = None
      each.pop(LPIPS, None)
    kept = [r for r in results['rows'] if (r['method'], r['set']) != (name, row['set'])]
    last = max(i for i, r in enumerate(kept) if r['set'] == row['set'])
    results['rows'] = [*kept[: last + 1], benchmark.to_json(new), *kept[last + 1 :]]
    comparison.write_json(path, results)


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  actions = parser.add_subparsers(dest='action', required=True)
  adding = actions.add_parser('add')
  adding.add_argument('workdir', type=pathlib.Path)
  adding.add_argument('name')
  for option in ('data', 'command', 'about', 'trained-on', 'licence'):
    adding.add_argument(f'--{option}', required=True)
  adding.add_argument('--paper', type=pathlib.Path)
  adding.add_argument('--remark', default='')
  adding.add_argument('--calibrate', type=pathlib.Path)
  adding.add_argument('--since', type=int, metavar='STEP')
  adding.add_argument('--after-steps', type=int, default=0, metavar='STEPS')
  adding.add_argument('--after-hours', type=float, default=0.0, metavar='HOURS')
  adding.add_argument('--device', default='', metavar='TEXT')
  adding.add_argument('--where', default='beside other work, on', metavar='TEXT')
  adding.set_defaults(run=add)
  actions.add_parser('write').set_defaults(run=lambda _: write())
  actions.add_parser('check').set_defaults(run=lambda _: check())
  args = parser.parse_args()
  return args.run(args)


if __name__ == '__main__':
  sys.exit(main())
