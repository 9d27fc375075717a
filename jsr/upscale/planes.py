"""Transparency: what the network is shown, and the rule for alpha itself.

A network must not see the colours that hide under full transparency: they are
arbitrary, and it would draw their edges. Nor must it see premultiplied ones: their fall
to black at every outline would come back as a dark rim. So hidden pixels take the
colour of the nearest one that shows, which is what premultiplied arithmetic gives in
the limit; the network enlarges colour without outlines; and alpha is enlarged by
bicubic, on its own. Colour and alpha then meet at the full size.
"""

import numpy as np
from scipy import ndimage


def revealed(
  color: np.ndarray, alpha: np.ndarray | None, *, wrap: bool = False
) -> np.ndarray:
  """Returns colours (H, W, C) with those under full transparency replaced.

  Args:
    color: (H, W, C).
    alpha: (H, W, 1), or None.
    wrap: The picture goes on at its other end: there may be the nearest pixel.
  """
  if alpha is None:
    return color
  hidden = alpha[..., 0] == 0
  if not hidden.any() or hidden.all():
    return color
  height, width = hidden.shape
  # No pixel of a ring is farther away than half of it.
  pad = (height // 2 + 1, width // 2 + 1) if wrap else (0, 0)
  nearest = ndimage.distance_transform_edt(
    np.pad(hidden, [(n, n) for n in pad], 'wrap'),
    return_distances=False,
    return_indices=True,
  )[:, pad[0] : pad[0] + height, pad[1] : pad[1] + width]
  return color[(nearest[0] - pad[0]) % height, (nearest[1] - pad[1]) % width]
