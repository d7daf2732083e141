"""Rules about gateways: listeners, TLS, certificates, hosts."""
