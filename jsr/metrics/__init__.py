"""Metrics: per example, batched, jittable."""
