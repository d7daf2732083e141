"""The health command: `grpcdoctor health TARGET…`, and grpc_health_probe's own command line."""
