"""Rules about HTTP/2: what is spoken, SETTINGS, GOAWAY, RST_STREAM, violations."""
