"""The command line: a group that loads its commands lazily, one file a command in `commands/`."""
