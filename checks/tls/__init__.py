"""Rules about TLS: certificates, names, versions, client certificates, ALPN."""
