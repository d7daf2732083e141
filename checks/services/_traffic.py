"""What a pod's annotations keep away from its sidecar, and which servers take mTLS only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks.services._ports import pods_behind
from grpcdoctor.cluster.istio.mtls import STRICT, ServerMode, server_mode
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload
from grpcdoctor.model.rule import Severity

_PREFIX: Final = "traffic.sidecar.istio.io/"
EXCLUDE_INBOUND: Final = _PREFIX + "excludeInboundPorts"
INCLUDE_INBOUND: Final = _PREFIX + "includeInboundPorts"
EXCLUDE_OUTBOUND: Final = _PREFIX + "excludeOutboundPorts"
EXCLUDE_RANGES: Final = _PREFIX + "excludeOutboundIPRanges"


def listed(value: str) -> tuple[str, ...]:
    """`50051, 9090` -> its parts."""
    return tuple(part for part in re.split(r"[,\s]+", value) if part)


def keeps_inbound_away(workload: Workload, number: int) -> str | None:
    """The annotation that keeps this port of a pod away from its sidecar."""
    if str(number) in listed(workload.annotations.get(EXCLUDE_INBOUND, "")):
        return EXCLUDE_INBOUND
    included = workload.annotations.get(INCLUDE_INBOUND)
    if included is None or "*" in listed(included) or str(number) in listed(included):
        return None
    return INCLUDE_INBOUND


@dataclass(frozen=True, slots=True)
class PastSidecar:
    """What becomes of calls that leave a pod past its sidecar."""

    effect: str
    strict: ServerMode | None
    """Who has the server refuse them, if anybody does."""

    @property
    def severity(self) -> Severity | None:
        """The rule's own where they are refused."""
        return None if self.strict is not None else Severity.WARNING


def past_sidecar(cluster: Cluster, service: Service, port: ServicePort | None) -> PastSidecar | None:
    """None where it makes no difference: one pod, which takes plaintext."""
    strict = _takes_mtls_only(cluster, port) if port is not None else None
    if strict is not None:
        who = strict.object.title if strict.object is not None else "the mesh"
        refused = f"{who} lets the server take mTLS only. Clients get UNAVAILABLE: connection reset (Socket closed)."
        return PastSidecar(refused, strict)
    if pods_behind(service) < 2:
        return None
    return PastSidecar(
        "Nothing balances its calls: all of a channel reach one pod, and routes and retries do not apply.", None
    )


def _takes_mtls_only(cluster: Cluster, port: ServicePort) -> ServerMode | None:
    """Who says that the pods behind a Service port take mTLS only; None where they do not."""
    for workload in port.service.workloads[:5]:
        number = port.number_in(workload)
        if workload.mesh not in (Mesh.SIDECAR, Mesh.AMBIENT) or number is None:
            continue
        mode = server_mode(cluster, workload, number)
        if mode.mode == STRICT and keeps_inbound_away(workload, number) is None:
            return mode
    return None
