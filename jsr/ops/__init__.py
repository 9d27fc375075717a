"""Image mathematics as pure functions."""
