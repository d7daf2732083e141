"""What an Envoy says of itself: its admin API or saved answers of it, as typed views. Reads, and never judges."""
