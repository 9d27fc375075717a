"""Stands before PyTorch on the path of processes that need none; see `conftest`."""

raise ImportError('none for this process')
