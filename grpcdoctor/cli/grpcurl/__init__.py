"""`grpcdoctor grpcurl`: grpcurl's command line, its output byte for byte, and its exit codes."""
