"""Errors: why there is no cluster to read. Each text is one line that says what to do, and holds no credential."""

from __future__ import annotations


class ClusterError(Exception):
    """The cluster cannot be read at all."""


class NoClusterError(ClusterError):
    """No cluster was named: there is no kubeconfig, and this is no pod."""


class PortForwardError(Exception):
    """A tunnel to a pod does not stand, or stands no longer."""

    def __init__(self, kind: str, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.kind = kind
        """"forbidden", "no-pod", "not-running", "refused" (by the port), "port-failed", "timeout", "dropped",
        "garbage", "unreachable" (the API server) or "server" (whatever else it says)."""
        self.text = text
        self.status = status
        """Of the API server's answer; 0 where it gave none."""
