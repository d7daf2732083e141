"""Dialling, and the sans-I/O protocol pieces: TLS over memory buffers, HTTP/2 frames, gRPC messages. Never judges."""
