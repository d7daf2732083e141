"""Errors: why there is no cluster to read. Each text is one line that says what to do, and holds no credential."""

from __future__ import annotations


class ClusterError(Exception):
    """The cluster cannot be read at all."""


class NoClusterError(ClusterError):
    """No cluster was named: there is no kubeconfig, and this is no pod."""
