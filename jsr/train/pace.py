"""How fast a run is, and how long it waited for its input."""

import time

from jsr.types import Metrics


class Rate:
  """Steps a second since it was made, and the share of that time without input."""

  def __init__(self, step: int):
    self._start(step)

  def _start(self, step: int) -> None:
    self._step, self._time, self._waited = step, time.monotonic(), 0.0

  def waited(self, seconds: float, before: Metrics) -> float:
    """Counts a wait for a batch, if the devices had nothing else to do at its end.

    Args:
      seconds: Of the wait.
      before: Results of the dispatch before it.

    Returns:
      The seconds that count.
    """
    # JAX's arrays have `is_ready`; its declaration of them has not.
    busy = [v for v in before.values() if not v.is_ready()]  # type: ignore[attr-defined]
    counted = 0.0 if busy else seconds
    self._waited += counted
    return counted

  def since(self, step: int) -> dict[str, float]:
    """Returns what was up to `step`, and starts again from there.

    Returns:
      'steps_per_second', and 'input_wait', the largest share of the time in which the
      devices can have waited for batches.
    """
    passed = max(time.monotonic() - self._time, 1e-9)
    rate, share = (step - self._step) / passed, min(1.0, self._waited / passed)
    self._start(step)
    return {'steps_per_second': rate, 'input_wait': share}
