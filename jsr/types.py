"""Aliases shared by every floor; nothing else lives here."""

from collections.abc import Mapping
from typing import Any

import jax

Array = jax.Array
# A nested dict of arrays, as Flax returns it.
Params = Mapping[str, Any]
# Model variables by collection: {'params': ..., 'batch_stats': ...}.
Variables = Mapping[str, Any]
# {'hr': (N, H, W, 3), 'index': (N,)}; the step adds 'lr'.
Batch = Mapping[str, jax.Array]
# Scalars by name, such as 'g/pixel'.
Metrics = dict[str, jax.Array]
