"""The reflection-driven client: descriptors from a server's reflection, request and response messages as JSON."""
