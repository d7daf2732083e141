"""Plain immutable data that probes write and checks read. Imports nothing of ours, does no I/O."""
