"""What the configs of all studies have; each adds its own keys.

Command: none; this file is imported by the others.

A study's config describes the study, and not a training: it names configs of trainings,
and the keys in which its trainings differ from them.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  """Returns the keys that all studies have."""
  c = ConfigDict()
  c.seeds = 3  # Trainings of each kind, with seeds from 0; intervals are over them.
  return c
