"""Access logs at volume."""
