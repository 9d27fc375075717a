"""What a card of the methods page says of one system."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Count:
  """How many parameters a network has.

  Attributes:
    label: Which of its forms, such as '×4' or '9-1-5'; '' where there is one.
    parameters: Trained ones.
    args: What builds it: `scale` and the fields of a generator, or `size`, the side of
      the patches, and the fields of a discriminator.
  """

  label: str
  parameters: int
  args: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Figure:
  """A PSNR in dB with all digits that were printed, and what it is of."""

  label: str
  psnr: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class System:
  """One system.

  Attributes:
    key: Its anchor.
    name: What people call it.
    row: Its row of the README's table; '' where that has none.
    idea: One or two sentences.
    works: Keys of the works that it comes from.
    generator: The file of its generator, below jsr/; of a fixed rule, of the rule.
    counts: Parameters of the generator's usual forms.
    discriminator: Name of the discriminator that it is trained against.
    judges: Parameters of that.
    printed: PSNR of Y, as the paper or report prints it, unless the label says else.
    measured: PSNR of Y that jsr measured with weights that others published.
    config: The recipe; '' where there is nothing to train.
    commands: How to train it.
    model: What the site calls it, where it comes with jsr.
    query: More that the page for pictures has to know.
    shipped: Its rows in the tables of results.
  """

  key: str
  name: str
  row: str
  idea: str
  works: tuple[str, ...] = ()
  generator: str
  counts: tuple[Count, ...] = ()
  discriminator: str = ''
  judges: tuple[Count, ...] = ()
  printed: tuple[Figure, ...] = ()
  measured: tuple[Figure, ...] = ()
  config: str = ''
  commands: tuple[str, ...] = ()
  model: str = ''
  query: str = ''
  shipped: tuple[str, ...] = ()
