"""Channels: gRPC over HTTP/2, gRPC-Web and Connect, on the wire layer."""
