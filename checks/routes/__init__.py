"""Rules about routes: from a host and a path to a Service that is there."""
