"""Rules about an Envoy, by its own word."""
