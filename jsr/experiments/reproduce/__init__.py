"""Published tables beside our own measurements: `jsr reproduce TABLE`.

`quoted` reads what was printed, `scores` and `speed` measure, `formats` prints; they
meet in the shapes of `report`. A figure that was not measured is never filled in.
"""
