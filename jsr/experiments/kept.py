"""Results that take minutes, kept beside a study's trainings so that it can resume."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

from jsr.evaluate import output


def once(path: pathlib.Path, key: Any, compute: Callable[[], Any]) -> Any:
  """Computes something, or reads what was computed for the same key.

  Args:
    path: File that keeps it, JSON; its folder is made too.
    key: All that the result depends on, as JSON can hold it: another key computes anew.
    compute: Returns the result, as JSON can hold it; NaN and infinities are kept.

  Returns:
    The result as JSON gives it back: tuples are lists, keys are text.
  """
  known = json.loads(json.dumps(key))
  if path.is_file():
    kept = json.loads(path.read_text(encoding='utf-8'))
    if kept['key'] == known:
      return kept['result']
  text = json.dumps({'key': known, 'result': compute()})
  output.write_text(path, text + '\n')
  return json.loads(text)['result']
