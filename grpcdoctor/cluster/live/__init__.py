"""Live: reads what bears on gRPC from a running cluster. Only get and list; loads `kubernetes` when it connects.

`kubeconfig.cluster_at_hand`, `connection.connect` and `reader.read_cluster` are the way in. Nothing is imported here:
every probe asks the first of them, which costs next to nothing.
"""
