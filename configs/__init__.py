"""Experiments, one a file; each docstring says command, cost and expected figure."""
