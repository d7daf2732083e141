"""Rules about Services and workloads: which protocol a port is taken for, and whether anything answers behind it."""
