"""Rules about names, addresses and connections."""
