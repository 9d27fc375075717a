"""Design of experiments: orthogonal arrays, their analysis, and runs by them."""
