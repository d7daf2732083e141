"""Cluster: a snapshot of Kubernetes objects, its readers and typed views, protocol selection and the hops of a path."""
