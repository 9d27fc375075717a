"""How numbers are measured, and how they are shown."""
