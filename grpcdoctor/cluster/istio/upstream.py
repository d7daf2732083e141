"""What an Envoy of Istio's speaks to a backend: the HTTP version and the TLS, and which field decided each.

Source: istio pilot/pkg/networking/core cluster_builder.go setUpstreamProtocol, cluster_traffic_policy.go applyH2Upgrade
and applyConnectionPool, cluster_tls.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from grpcdoctor.cluster.fields import mapping_at, text_at
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.istio.destination_rules import (
    DESTINATION_RULE_KINDS,
    NO_POLICY,
    Located,
    Policy,
    policy_of,
    rules_for,
)  # fmt: skip
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.mtls import DISABLE, MTLS_KINDS, server_mode
from grpcdoctor.cluster.istio.protocol import EntryPort, PortProtocol, Protocol, protocol_of
from grpcdoctor.cluster.istio.sidecars import SIDECAR_KINDS, IngressListener, ingress_listener_for
from grpcdoctor.cluster.kinds import Kind
from grpcdoctor.cluster.services import SERVICE_KINDS, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload

UPSTREAM_KINDS: Final[tuple[Kind, ...]] = tuple(
    dict.fromkeys((*SERVICE_KINDS, *DESTINATION_RULE_KINDS, *MTLS_KINDS, *SIDECAR_KINDS))
)


class ClientKind(str, Enum):
    """Which proxy sends."""

    GATEWAY = "gateway"
    SIDECAR = "sidecar"
    WAYPOINT = "waypoint"


@dataclass(frozen=True, slots=True)
class Client:
    """The proxy that sends: its kind, its namespace and its pod's labels decide what configuration it sees."""

    kind: ClientKind
    namespace: str
    labels: tuple[tuple[str, str], ...] = ()


def policy_for(cluster: Cluster, client: Client, port: ServicePort | EntryPort, full: str, subset: str = "") -> Policy:
    """The DestinationRule policy that this client applies to this port of a host."""
    namespace = port.service.namespace if isinstance(port, ServicePort) else port.entry.namespace
    rules = rules_for(cluster, full, namespace, client.namespace, dict(client.labels))
    return policy_of(rules, port.number, subset) if rules else NO_POLICY


def upstream_of(
    cluster: Cluster, client: Client, port: ServicePort | EntryPort, full: str, subset: str = ""
) -> Upstream:
    """What `client` speaks to this port of the host `full`, where an HTTP route (or no route) sends it there."""
    policy = policy_for(cluster, client, port, full, subset)
    tls, tls_decision = _tls(cluster, client, policy, port)
    spoken, decision = _spoken(cluster, client, policy, port)
    return Upstream(spoken, decision, tls, tls_decision)


def declared(port: ServicePort | EntryPort) -> tuple[PortProtocol, Decision]:
    """The port's protocol, and the decision that it is."""
    found = protocol_of(port)
    holder = port.service.object if isinstance(port, ServicePort) else port.entry
    meaning = _MEANINGS[_class_of(found.protocol)]
    if found.value:
        reason = f'{holder.title} {_short(port, found.field)} = "{found.value}" {meaning}'
    else:
        reason = f"{holder.title} {_short(port, found.field)} is not set, which {meaning}"
    return found, Decision(holder, (*port.path, found.field), found.value, reason)


def _spoken(
    cluster: Cluster, client: Client, policy: Policy, port: ServicePort | EntryPort
) -> tuple[Spoken, Decision]:
    found, decision = declared(port)
    follow = policy.find("connectionPool", "http", "useClientProtocol")
    if follow is not None and follow.value is True:
        return Spoken.SAME, Decision.at(follow.object, follow.path, "true", "has the client's HTTP version used")
    if found.protocol.is_http2:
        return Spoken.H2, decision
    sniffed = found.protocol is Protocol.AUTO and client.kind is not ClientKind.GATEWAY
    upgraded = None if sniffed else _upgrade(cluster, policy, found.protocol)
    if upgraded is not None:
        return Spoken.H2, upgraded
    if sniffed:
        return Spoken.SAME, decision
    if found.protocol.is_opaque and client.kind is not ClientKind.GATEWAY:
        return Spoken.TCP, decision
    return Spoken.HTTP1, decision


def _upgrade(cluster: Cluster, policy: Policy, protocol: Protocol) -> Decision | None:
    """What turns a port that is not declared HTTP/2 into HTTP/2 all the same."""
    mesh = mesh_config(cluster)
    if mesh.preserves_header_case and (protocol.is_http or protocol is Protocol.AUTO):
        return None
    upgrade = policy.find("connectionPool", "http", "h2UpgradePolicy")
    if upgrade is not None and upgrade.text == "UPGRADE":
        return Decision.at(upgrade.object, upgrade.path, "UPGRADE", "makes it HTTP/2")
    if upgrade is not None and upgrade.text == "DO_NOT_UPGRADE":
        return None
    if mesh.upgrades_to_http2 and protocol.is_http and mesh.object is not None:
        return Decision.at(mesh.object, mesh.path, "h2UpgradePolicy: UPGRADE", "makes it HTTP/2")
    return None


def inbound_of(cluster: Cluster, port: ServicePort | EntryPort, full: str) -> tuple[Spoken, Decision]:
    """What the server's own sidecar speaks to the application.

    The DestinationRule that the server's own proxy resolves counts; a Sidecar's `ingress` before the Service's port.
    """
    found, decision = declared(port)
    protocol = found.protocol
    namespace = port.service.namespace if isinstance(port, ServicePort) else port.entry.namespace
    server = port.service.workloads[0] if isinstance(port, ServicePort) and port.service.workloads else None
    labels = tuple(server.labels.items()) if server is not None else ()
    policy = policy_for(cluster, Client(ClientKind.SIDECAR, namespace, labels), port, full)
    follow = policy.find("connectionPool", "http", "useClientProtocol")
    if follow is not None and follow.value is True:
        return Spoken.SAME, Decision.at(follow.object, follow.path, "true", "has the client's HTTP version used")
    own = _ingress(cluster, port, server)
    if own is not None:
        protocol = own.protocol
        decision = Decision.at(own.sidecar, own.path, own.word, _MEANINGS[_class_of(protocol)])
        if own.follows_client:
            return Spoken.SAME, decision
    if protocol.is_http2:
        return Spoken.H2, decision
    if protocol is Protocol.AUTO:
        return Spoken.SAME, decision
    return (Spoken.HTTP1 if protocol.is_http else Spoken.TCP), decision


def _ingress(cluster: Cluster, port: ServicePort | EntryPort, server: Workload | None) -> IngressListener | None:
    number = port.number_in(server) if isinstance(port, ServicePort) and server is not None else None
    return ingress_listener_for(cluster, server, number) if server is not None and number is not None else None


def _tls(
    cluster: Cluster, client: Client, policy: Policy, port: ServicePort | EntryPort
) -> tuple[Tls, Decision | None]:
    block = policy.find("tls")
    if block is not None:
        word = text_at(block.value, "mode") or "DISABLE"
        path = (*block.path, "mode") if "mode" in block.value else block.path
        if _credential_ignored(client, block):
            return Tls.NONE, Decision.at(block.object, (*block.path, "credentialName"), word, _NO_CREDENTIAL)
        return _TLS_MODES.get(word, Tls.UNKNOWN), Decision.at(block.object, path, word, "decides the TLS")
    if not isinstance(port, ServicePort) or not mesh_config(cluster).auto_mtls:
        return Tls.NONE, None
    return _auto_mtls(cluster, port)


def _credential_ignored(client: Client, block: Located) -> bool:
    """A sidecar fetches a Secret only for a DestinationRule with a workloadSelector; else it sends plaintext."""
    name = text_at(block.value, "credentialName")
    if client.kind is ClientKind.GATEWAY or not name or name.startswith("configmap://"):
        return False
    return not mapping_at(block.object.raw, "spec", "workloadSelector")


def _auto_mtls(cluster: Cluster, port: ServicePort) -> tuple[Tls, Decision | None]:
    """mTLS wherever every endpoint takes it (BestEffortInferServiceMTLSMode), plaintext elsewhere."""
    targets = port.service.workloads
    if not targets or any(workload.mesh is Mesh.UNKNOWN for workload in targets):
        return Tls.UNKNOWN, None
    if not all(workload.mesh.takes_mtls for workload in targets):
        return Tls.NONE, None
    modes = [server_mode(cluster, workload, port.number_in(workload)) for workload in targets]
    off = next((mode for mode in modes if mode.mode == DISABLE), None)
    if off is not None:
        decision = Decision.at(off.object, off.path, DISABLE, "turns mTLS off") if off.object is not None else None
        return Tls.NONE, decision
    return Tls.AUTO, None


_NO_CREDENTIAL: Final = "is not fetched by sidecars without a workloadSelector, so they send plaintext"
_TLS_MODES: Final = {
    "DISABLE": Tls.NONE,
    "SIMPLE": Tls.SIMPLE,
    "MUTUAL": Tls.MUTUAL,
    "ISTIO_MUTUAL": Tls.ISTIO_MUTUAL,
}

_MEANINGS: Final = {
    "http2": "selects HTTP/2",
    "http": "selects HTTP/1.1",
    "auto": "selects no protocol",
    "opaque": "makes it opaque TCP",
}


def _class_of(protocol: Protocol) -> str:
    if protocol.is_http2:
        return "http2"
    if protocol.is_http:
        return "http"
    return "auto" if protocol is Protocol.AUTO else "opaque"


def _short(port: ServicePort | EntryPort, field: str) -> str:
    return f"ports[{port.index}].{field}"
