"""Messages as JSON and as text, both ways, in grpcurl's dialect and by the specification."""
