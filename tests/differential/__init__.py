"""The differential suite: command lines of grpcurl, and what the real one answers to them (README.md)."""
