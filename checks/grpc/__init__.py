"""Rules about gRPC: what the peer answers, and what a proxy on the way answers in its place."""
