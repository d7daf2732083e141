"""Descriptor sources: a server's reflection, descriptor sets, proto sources; and writing them out again."""
