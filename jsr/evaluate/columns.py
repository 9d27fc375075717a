"""The columns of a results table: their keys, headings and decimals."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

Better = Literal['higher', 'lower']


@dataclasses.dataclass(frozen=True)
class Column:
  """A metric of a row: its key, its heading, its decimals, and which way is better."""

  key: str
  title: str
  digits: int
  better: Better = 'higher'

  def describe(self) -> dict[str, Any]:
    """Returns the column as a results file holds it."""
    return dataclasses.asdict(self)


# In every row of a results file, None where the protocol has no such number.
BASE = (
  Column('psnr_y', 'PSNR Y', 2),
  Column('ssim_y', 'SSIM Y', 4),
  Column('psnr_rgb', 'PSNR RGB', 2),
  Column('ssim_rgb', 'SSIM RGB', 4),
)


def of(results: Mapping[str, Any]) -> tuple[Column, ...]:
  """Returns the columns of a results file, in order; files of old have the four."""
  listed = results.get('columns')
  if listed is None:
    return BASE
  return tuple(
    Column(str(x['key']), str(x['title']), int(x['digits']), x['better'])
    for x in listed
  )
