"""Rating studies: mean opinion scores and side-by-side choices."""
