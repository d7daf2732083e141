"""Rules about gRPC-Web: translation and CORS."""
