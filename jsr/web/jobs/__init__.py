"""Uploads, the queue, the worker, the result page, the JSON API."""
