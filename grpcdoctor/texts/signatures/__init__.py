"""Data: the signatures of error texts, a file a library; docs/signatures.md says how to add one."""
