"""Training: state, steps, devices, checkpoints, loop."""
