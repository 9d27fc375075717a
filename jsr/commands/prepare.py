"""`jsr prepare`."""

import argparse
import pathlib

from jsr import errors
from jsr.commands import arguments, signals
from jsr.commands.arguments import Commands


def add(commands: Commands) -> None:
  """Describes the command."""
  parser = commands.add_parser(
    'prepare',
    help='cut a large set of pictures into raw crops that training reads fast',
    description='Decodes every picture once and writes crops of it that need no'
    ' decoding; train on them with --config.data.source=records:DIR. Run it again to go'
    ' on after an interruption.',
    epilog='As few crops as cover the whole picture, spread evenly, so that neighbours'
    ' may overlap; a smaller picture is kept whole.',
  )
  parser.add_argument(
    'source',
    nargs='?',
    metavar='SOURCE',
    help="a folder, 'photographs' or tfds:NAME[/CONFIG][:DATA_DIR]",
  )
  parser.add_argument(
    '-o', '--output', type=pathlib.Path, metavar='DIR', help='folder of the crops'
  )
  parser.add_argument(
    '--verify',
    type=pathlib.Path,
    metavar='DIR',
    help='only compare a folder of crops with its manifest, by count and checksum',
  )
  parser.add_argument('--split', metavar='NAME', help='of the source (default: train)')
  parser.add_argument(
    '--size',
    type=arguments.positive,
    metavar='PIXELS',
    help='height and width of a crop (default: 480)',
  )
  parser.add_argument(
    '--overlap',
    type=arguments.positive,
    metavar='PIXELS',
    help='least overlap of neighbours; with the patch size of the training no patch is'
    ' lost to a seam (default: as little as covers the picture)',
  )
  parser.add_argument(
    '--shards',
    type=arguments.positive,
    metavar='N',
    help='number of files (default: one for 16 pictures, at most 256)',
  )
  parser.add_argument(
    '--workers',
    type=arguments.positive,
    metavar='N',
    help='processes (default: one a processor)',
  )
  parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
  options = ('output', 'split', 'size', 'overlap', 'shards', 'workers')
  if args.verify is not None:
    if args.source or any(getattr(args, option) for option in options):
      raise errors.UserError('--verify only verifies: drop SOURCE and other options')
    from jsr.data import cutting

    folder = args.verify
    manifest = cutting.verify(folder)
  else:
    if args.source is None or args.output is None:
      raise errors.UserError('name a SOURCE and -o DIR, or --verify DIR')
    from jsr.data import crops, cutting
    from jsr.evaluate import output

    folder = args.output
    output.check_folder(folder)
    with signals.terminable():
      manifest = cutting.prepare(
        args.source,
        folder,
        split=args.split or 'train',
        size=args.size or crops.SIZE,
        overlap=args.overlap or 0,
        shard_count=args.shards,
        workers=args.workers,
      )
  skipped = len(manifest.all_skipped)
  print(
    f'{folder}: {manifest.images + len(manifest.skipped) - skipped} pictures of'
    f' {manifest.source}, {manifest.crops} crops of up to {manifest.size},'
    f' {manifest.pixel_bytes / 2**30:.3g} GiB in {manifest.shards} shards, all verified'
    + (f'; {skipped} pictures skipped' if skipped else '')
  )
  return 0
