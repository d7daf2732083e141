"""proxyless-unsupported-tls: a proxyless client and its server do not agree about TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.proxyless._clients import TLS_MODE, Use, policy_for, rules_of, uses
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.istio.destination_rules import Located
from grpcdoctor.cluster.istio.mtls import PERMISSIVE, STRICT, ServerMode, server_mode
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD804",
    name="proxyless-unsupported-tls",
    severity=Severity.ERROR,
    title="a proxyless client does not speak the TLS that its server takes",
)
READS = ROUTE_KINDS

_MUTUAL: Final = "ISTIO_MUTUAL"
_ORIGINATED: Final = ("SIMPLE", "MUTUAL")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[tuple[int, int]] = set()
    for use in uses(cluster):
        key = (id(use.target.workload), id(use.port))
        if key in told:
            continue
        finding = _judge(cluster, use)
        if finding is not None:
            told.add(key)
            yield finding


def _judge(cluster: Cluster, use: Use) -> Finding | None:
    mode = policy_for(cluster, use).find("tls", "mode")
    if mode is not None and mode.text in _ORIGINATED:
        return _originated(use, mode)
    if not isinstance(use.port, ServicePort) or use.service is None:
        return None
    for workload in use.service.workloads:
        number = use.port.number_in(workload)
        asked = server_mode(cluster, workload, number)
        if (mode is None or mode.text != _MUTUAL) and _is_strict(workload, asked):
            return _no_mtls(cluster, use, workload, asked, mode)
        if mode is not None and mode.text == _MUTUAL and workload.mesh is Mesh.SIDECAR and asked.mode == PERMISSIVE:
            return _no_chain(use, workload, mode)
    return None


def _is_strict(workload: Workload, asked: ServerMode) -> bool:
    if workload.mesh is Mesh.SIDECAR:
        return asked.mode == STRICT
    labelled = workload.labels.get(TLS_MODE) == "istio"
    return workload.mesh is Mesh.PROXYLESS and (asked.mode == STRICT or (labelled and asked.mode == PERMISSIVE))


def _originated(use: Use, mode: Located) -> Finding:
    client = use.target.workload
    return about(
        RULE,
        mode.object,
        mode.path,
        f"{mode.object.title} sets TLS {mode.text}, and the proxyless client {client.title} sends plaintext",
        symptom="istiod hands proxyless clients no TLS settings but ISTIO_MUTUAL. A server that expects TLS closes the "
        "connection: UNAVAILABLE: Socket closed, or connection reset by peer.",
        evidence=_dials(use),
        fixes=(
            Edit(mode.object)
            .set(mode.path, _MUTUAL)
            .fix("Use the mesh's own mTLS; for a server outside of the mesh dial with TLS, without xDS"),
        ),
        related=(client.object, use.object),
    )


def _no_mtls(cluster: Cluster, use: Use, server: Workload, asked: ServerMode, mode: Located | None) -> Finding:
    client = use.target.workload
    where, path = (asked.object, asked.path) if asked.object is not None else _label(server)
    because = f"{where.title} demands mTLS" if asked.object is not None else f"its label {TLS_MODE} demands mTLS"
    return about(
        RULE,
        mode.object if mode is not None else client.object,
        mode.path if mode is not None else use.target.path,
        f"the proxyless client {client.title} sends plaintext to {use.object.title}, where {because}",
        symptom="Proxyless clients have no automatic mTLS: they need a DestinationRule with ISTIO_MUTUAL, and xDS "
        "credentials. "
        "The server closes the connection: UNAVAILABLE: Socket closed, or connection reset by peer.",
        evidence=(seen(where, path), *_dials(use)),
        fixes=(_with_mutual(cluster, use, mode),),
        related=(client.object, use.object, server.object, where),
        confidence=0.9,
    )


def _label(server: Workload) -> tuple[Object, FieldPath]:
    return server.object, server.path("metadata", "labels", TLS_MODE)


def _with_mutual(cluster: Cluster, use: Use, mode: Located | None) -> Fix:
    if mode is not None:
        return Edit(mode.object).set(mode.path, _MUTUAL).fix("Speak mTLS: ISTIO_MUTUAL")
    blocks = policy_for(cluster, use).blocks
    settings = blocks.get("loadBalancer") or blocks.get("connectionPool")
    rules = rules_of(cluster, use)
    if settings is not None:
        return Edit(settings.object).set((*settings.path[:-1], "tls", "mode"), _MUTUAL).fix("Speak mTLS: ISTIO_MUTUAL")
    if rules:
        return Edit(rules[0]).set(("spec", "trafficPolicy", "tls", "mode"), _MUTUAL).fix("Speak mTLS: ISTIO_MUTUAL")
    manifest: dict[str, Any] = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": use.object.name, "namespace": use.object.namespace},
        "spec": {"host": use.full, "trafficPolicy": {"tls": {"mode": _MUTUAL}}},
    }
    return create(manifest, "Have clients speak mTLS; the application needs xDS credentials (xds.NewClientCredentials)")


def _no_chain(use: Use, server: Workload, mode: Located) -> Finding:
    """istio filterchain_options.go: under PERMISSIVE, mTLS is told from other TLS by Istio's own ALPN words."""
    client = use.target.workload
    selector = dict(use.service.selector if use.service else {})
    manifest: dict[str, Any] = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": use.object.name, "namespace": server.namespace},
        "spec": {"selector": {"matchLabels": selector}, "mtls": {"mode": STRICT}},
    }
    return about(
        RULE,
        mode.object,
        mode.path,
        f"the proxyless client {client.title} speaks mTLS to {server.title}, whose sidecar is PERMISSIVE",
        symptom="Under PERMISSIVE a sidecar knows mTLS by Istio's own ALPN, and gRPC offers h2 alone. No filter "
        "chain matches: "
        "UNAVAILABLE: connection reset by peer, or Socket closed.",
        evidence=(seen(server.object, (), f"{server.title} has a sidecar and is not STRICT"), *_dials(use)),
        fixes=(
            create(manifest, "Make the server STRICT, once nothing calls it in plaintext"),
            Edit(mode.object).set(mode.path, "DISABLE").fix("Or speak plaintext, which PERMISSIVE takes"),
        ),
        related=(client.object, use.object, server.object),
        confidence=0.85,  # a client without xDS credentials ignores the setting, and works
    )


def _dials(use: Use) -> tuple[Evidence, ...]:
    client = use.target.workload
    return (seen(client.object, use.target.path, f"{client.title} dials {use.target.written}"),)
