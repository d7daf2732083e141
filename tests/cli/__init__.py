"""The command line, tested as a function."""
