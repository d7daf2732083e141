"""Rules about streams that end before their time."""
