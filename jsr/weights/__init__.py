"""Parameters from elsewhere: fetching, converters, files."""
