"""Rules about gRPC without a proxy: xDS clients and servers."""
