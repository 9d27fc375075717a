"""Studies that call the floors below."""
