"""One file a command: its name is the command's, its first docstring line the short help, its `command` the command."""
