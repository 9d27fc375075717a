"""Puts a trained network into the package, with its model card.

  python benchmarks/embed.py WORKDIR NAME --data DIR --command 'jsr train ...'
      --about 'One line for the list.' --trained-on 'T91'
      [--sets Set5,Set14,BSD100] [--paper 'ESPCN on T91: 32.55 dB']
      [--calibrate FOLDER]

Writes jsr/weights/embedded/NAME.safetensors, from the latest checkpoint, and NAME.md,
measured on the spot by the package's own protocols; with `--calibrate`, a folder of
training pictures, the 8-bit form too.
"""

import argparse
import json
import pathlib

from jsr.evaluate import benchmark, conversion, machine, methods, protocol, sets
from jsr.train import logs
from jsr.upscale import quantize
from jsr.weights import embedded, model_file


def hours(workdir: pathlib.Path) -> float:
  """Adds up the time between the log's lines."""
  total, before = 0.0, 0
  for record in logs.read(workdir / logs.FILE):
    if 'steps_per_second' in record:
      total += (record['step'] - before) / record['steps_per_second']
      before = record['step']
  return total / 3600


def table(path: pathlib.Path, scale: int, names: list[str], data: str) -> list[str]:
  """Measures the model file; returns the rows of a Markdown table."""
  rows = ['| set | protocol | bicubic | this | SSIM |', '|---|---|---|---|---|']
  network = methods.resolve(str(path))
  bicubic = methods.resolve('bicubic')
  kinds = ('y_float', 'rgb8') if network.color == 'y' else ('rgb8',)
  for pictures in sets.open_sets(names, data=data, lr=None, limit=None):
    for kind in kinds:
      before, got = (
        benchmark.measure(m, pictures, scale, protocol.get(kind), timed=False)
        for m in (bicubic, network)
      )
      rows.append(
        f'| {pictures.name} x{scale} | {kind} | {before["psnr_y"]:.2f} |'
        f' {got["psnr_y"]:.2f} | {got["ssim_y"]:.4f} |'
      )
      print(rows[-1], flush=True)
  return rows


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('workdir', type=pathlib.Path)
  parser.add_argument('name')
  parser.add_argument('--data', required=True)
  parser.add_argument('--sets', default='Set5,Set14,BSD100')
  parser.add_argument('--command', required=True)
  parser.add_argument('--trained-on', required=True)
  parser.add_argument('--about', required=True)
  parser.add_argument('--paper', default='')
  parser.add_argument('--calibrate', type=pathlib.Path)
  args = parser.parse_args()
  model = conversion.read_workdir(args.workdir, 'latest')
  path = embedded.FOLDER / f'{args.name}{model_file.SUFFIX}'
  conversion.save(path, model._replace(note=f'{args.name} of jsr'))
  for old in embedded.FOLDER.glob(f'{args.name}.*{quantize.SUFFIX}'):
    old.unlink()
  if args.calibrate:
    network = methods.from_file(path, args.name)
    pictures = quantize.calibration(args.calibrate, network, model.scale)
    form = quantize.quantise(network, model.scale, pictures)
    key = quantize.fingerprint(network, model.scale)
    (embedded.FOLDER / f'{args.name}.{key}{quantize.SUFFIX}').write_bytes(form)
  flat = model_file.flatten(model.variables['params'])
  config = json.loads((args.workdir / 'config.json').read_text())
  rule = config['optim']['generator']
  names = args.sets.split(',')
  rows = table(path, model.scale, names, args.data)
  patch = config['data']['patch_size']
  facts = {
    'network': f'`jsr/models/{model.generator}.py`, x{model.scale}, '
    + json.dumps(model.args),
    'parameters': f'{sum(a.size for a in flat.values()):,}'
    f' ({path.stat().st_size:,} bytes)',
    'trained on': f"{args.trained_on}; LR by MATLAB's bicubic",
    'recipe': f'{config["losses"]["pixel"]} loss, {rule["name"]} from'
    f' {rule["learning_rate"]}, schedule {rule["schedule"]},'
    f' {model.note.rpartition(", ")[2]} of {config["data"]["batch_size"]} HR patches of'
    f' {patch} x {patch}',
    'time': f'{hours(args.workdir):.1f} hours, beside other work, on'
    f' {machine.describe()}',
    'licence': 'that of jsr; the pictures it was trained on are not part of it',
  }
  kind = 'y_float' if 'y_float' in rows[2] else 'rgb8'
  card = [
    f'# {args.name}',
    args.about,
    '| | |\n|---|---|\n' + '\n'.join(f'| {k} | {v} |' for k, v in facts.items()),
    f'```sh\n{args.command}\n```',
    f'PSNR in dB and SSIM on Y, {machine.describe()}:',
    f'```sh\njsr compare --methods bicubic,{args.name} --scale {model.scale}'
    f' --sets {args.sets} --data DIR --protocol {kind}\n```',
    '\n'.join(rows),
    args.paper,
  ]
  text = '\n\n'.join(part for part in card if part) + '\n'
  path.with_suffix('.md').write_text(text, encoding='utf-8')
  print(text)


if __name__ == '__main__':
  main()
