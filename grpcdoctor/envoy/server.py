"""Server: which Envoy this is, in which state, for whom it works, and how it stands with its control plane."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from grpcdoctor.envoy.fields import Json, mapping, seconds, text

_ROLES: Final = ("sidecar", "router", "waypoint", "ztunnel")
_VERSION: Final = re.compile(r"(?:^|/)(\d+)\.(\d+)\.(\d+)([^/]*)")


@dataclass(frozen=True, slots=True)
class Server:
    """What /server_info, /ready and the bootstrap say."""

    version: str = ""
    """`1.40.0`; empty where it is not told."""
    build: str = ""
    """The whole version string."""
    state: str = ""
    """LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING; empty where it is not told."""
    uptime: float | None = None
    node: str = ""
    """`sidecar~10.0.0.1~pod.ns~ns.svc.cluster.local` under Istio."""
    node_cluster: str = ""
    istio_version: str = ""

    @property
    def release(self) -> tuple[int, int] | None:
        """(1, 36): what decides on Envoy's behaviour."""
        match = _VERSION.search(self.version)
        return (int(match[1]), int(match[2])) if match else None

    @property
    def role(self) -> str:
        """Istio's: "sidecar", "router" (a gateway), "waypoint"; empty without Istio."""
        head, separator, _ = self.node.partition("~")
        return head if separator and head in _ROLES else ""


def server(info: Json, ready: str, bootstrap: Json) -> Server:
    """From what there is; each may be empty."""
    node = mapping(info, "node") or mapping(bootstrap, "bootstrap", "node")
    build = text(info, "version") or text(node, "metadata", "ENVOY_VERSION")
    match = _VERSION.search(build)
    version = ".".join(match.groups()[:3]) + match[4] if match else _built(node)
    return Server(
        version=version,
        build=build,
        state=text(info, "state") or ready,
        uptime=seconds(info, "uptime_current_epoch"),
        node=text(node, "id"),
        node_cluster=text(node, "cluster"),
        istio_version=text(node, "metadata", "ISTIO_VERSION"),
    )


def _built(node: Json) -> str:
    """The bootstrap's node carries the version as numbers."""
    numbers = mapping(node, "user_agent_build_version", "version")
    if not numbers:
        return ""
    return ".".join(text(numbers, part, default="0") for part in ("major_number", "minor_number", "patch"))


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """How the connection to the control plane stands, by counters."""

    connected: bool | None
    """None where it is not told (no control plane, or the counters are hidden)."""
    identifier: str = ""
