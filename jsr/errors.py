"""The one exception for a user's mistake, and how mistakes are worded."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
  """A mistake of the user, told in one sentence: what, where, what to do.

  The command line prints the message without a traceback and exits with status 2.
  """


def install(extra: str) -> str:
  """Says how to get the packages of an extra; jsr is in no package index."""
  return f"pip install -e '.[{extra}]' in the folder of jsr"


def first_line(error: Exception) -> str:
  """Returns the first line of an error's text, or its kind where it has none."""
  return (str(error).strip() or type(error).__name__).splitlines()[0]


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
  """Returns a UserError for a name that does not exist, with a suggestion.

  Args:
    kind: What the name stands for, such as 'loss'.
    name: What the user wrote.
    known: All valid names.
  """
  known = sorted(known)
  near = difflib.get_close_matches(name, known, n=1)
  hint = f"did you mean '{near[0]}'?" if near else 'choose one of: ' + ', '.join(known)
  return UserError(f"unknown {kind} '{name}'; {hint}")
