"""Arguments that several commands share."""

import argparse
import pathlib
from typing import Any, NoReturn

# What `add_subparsers` returns; argparse has no public name for it.
Commands = Any


class Parser(argparse.ArgumentParser):
  """Refuses bad arguments in one sentence, and guesses no abbreviations."""

  def __init__(self, **options: Any):
    super().__init__(allow_abbrev=False, **options)

  def error(self, message: str) -> NoReturn:
    """Ends the program with status 2."""
    self.exit(2, f'{self.prog}: {message}; see {self.prog} --help\n')


def positive(text: str) -> int:
  """A whole number from 1."""
  if not text.isdecimal() or int(text) < 1:
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
  return int(text)


def names(text: str) -> list[str]:
  """Names with commas between them."""
  found = [part.strip() for part in text.split(',') if part.strip()]
  if not found:
    raise argparse.ArgumentTypeError('an empty list')
  return found


def measuring(parser: argparse.ArgumentParser) -> None:
  """Adds what every command that measures asks for."""
  parser.add_argument(
    '--sets',
    type=names,
    required=True,
    metavar='SET,...',
    help="folders of --data, each with its pictures in HR/; 'photographs' is embedded",
  )
  parser.add_argument('--data', metavar='DIR', help='folder that holds the sets')
  parser.add_argument(
    '--scale', type=positive, default=4, help='factor (default: %(default)s)'
  )
  parser.add_argument(
    '--lr',
    metavar='FOLDER',
    help='folder beside HR/ with the low-resolution pictures; without it they are made'
    ' from HR by the MATLAB rule',
  )
  parser.add_argument(
    '--limit', type=positive, metavar='N', help='only the first N pictures of each set'
  )
  parser.add_argument(
    '--protocol',
    default='rgb8',
    help='rgb8 (default); y_float, what papers of 2014 to 2016 quote; srgan or'
    ' report001, those of two papers',
  )
  parser.add_argument(
    '--json', type=pathlib.Path, metavar='FILE', help='write all numbers there'
  )
