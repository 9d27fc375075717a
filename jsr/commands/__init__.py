"""The commands, one a file: thin, they decide nothing.

Each has `add(commands)`, which describes its arguments. Modules that need JAX are
imported by the command that runs: `--help` answers at once, and training can choose
XLA's settings first.
"""
