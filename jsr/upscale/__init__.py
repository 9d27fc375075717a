"""From a picture file to a larger picture file."""
