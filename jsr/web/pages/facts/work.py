"""One thing that somebody else made, and that jsr stands on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Work:
  """A paper, a report, a program or a data set.

  Attributes:
    key: Its anchor on the page of references.
    authors: As printed, family names first for papers with many.
    title: As printed.
    year: Of publication, with the place where there is one; '' where none is printed.
    url: Where it is found; '' where nowhere is known.
    what: What jsr has from it, a sentence without its full stop.
    lang: Language of the title, where it is not English.
  """

  key: str
  authors: str
  title: str
  year: str
  url: str
  what: str
  lang: str = ''
