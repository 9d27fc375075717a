"""Home, methods, results, references, and what is said when something is wrong."""
