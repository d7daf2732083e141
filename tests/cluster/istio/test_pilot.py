"""What we work out is what Istio's own pilot generates: HTTP version and TLS of every cluster, in 113 configurations.

pilot.json was written by running pilot (1.31) over configurations of ours: per proxy and Envoy cluster its HTTP options
and its TLS. Istio itself is not needed to run this.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.istio.hosts import find_host, ports_of
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, inbound_of, upstream_of
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster

CASES: Final = Path(__file__).with_name("pilot.json")
CLIENTS: Final = {"router": ClientKind.GATEWAY, "sidecar": ClientKind.SIDECAR, "waypoint": ClientKind.WAYPOINT}

# Envoy's HTTP options of a cluster -> what is spoken. Without options it is HTTP/1.1 where a route reads HTTP, and
# bytes that nobody reads elsewhere: which of the two is the listener's matter.
SPOKEN: Final = {
    "http2": {Spoken.H2},
    "use_downstream": {Spoken.SAME},
    "none": {Spoken.HTTP1, Spoken.TCP},
    "http1": {Spoken.HTTP1, Spoken.TCP},
}
TLS: Final = {
    "auto": {Tls.AUTO},
    "none": {Tls.NONE},
    "istio": {Tls.ISTIO_MUTUAL, Tls.AUTO},
    "tls": {Tls.SIMPLE, Tls.MUTUAL},
}

# Case -> why we say otherwise, and are right.
OTHERWISE: Final = {
    "56-peer-port-level": "a port-level DISABLE stands in the endpoints only: plaintext is spoken",
}


@lru_cache(maxsize=1)
def cases() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(CASES.read_text(encoding="utf-8"))
    return loaded


def differences(name: str) -> Iterator[str]:
    case = cases()[name]
    cluster = cluster_of(case["objects"], complete=True)
    for title, proxy in case["proxies"].items():
        client = Client(CLIENTS[proxy["type"]], proxy["namespace"], tuple(proxy["labels"].items()))
        for envoy, (http, tls) in proxy["clusters"].items():
            direction, number, subset, host = envoy.split("|")
            if direction == "outbound":
                yield from outbound(cluster, client, f"{title} {envoy}", int(number), subset, host, http, tls)
            elif proxy["type"] == "sidecar":
                yield from inbound(cluster, client, f"{title} {envoy}", int(number), http)


def outbound(
    cluster: Cluster, client: Client, title: str, number: int, subset: str, host: str, http: str, tls: str
) -> Iterator[str]:
    target = find_host(cluster, host)
    port = next((p for p in ports_of(target) if p.number == number), None) if target is not None else None
    if port is None:
        yield f"{title}: not found"
        return
    said = upstream_of(cluster, client, port, host, subset)
    if said.spoken not in SPOKEN[http]:
        yield f"{title}: pilot {http}, we {said.spoken.value}"
    if comparable(port, said.tls) and said.tls not in TLS[tls]:
        yield f"{title}: pilot {tls}, we {said.tls.value}"


def comparable(port: Any, tls: Tls) -> bool:
    """pilot writes mTLS into every cluster and lets each endpoint decide; ours is what the endpoints make of it."""
    return tls is not Tls.UNKNOWN and isinstance(port, ServicePort) and all(
        workload.mesh.takes_mtls for workload in port.service.workloads
    )


def inbound(cluster: Cluster, client: Client, title: str, number: int, http: str) -> Iterator[str]:
    """The oldest Service decides where several lead to one port; those cases have one only, unless listed."""
    found = [
        port
        for service in services(cluster)
        if service.namespace == client.namespace and any(dict(client.labels) == w.labels for w in service.workloads)
        for port in service.ports
        if number in port.target_numbers
    ]
    for port in found[:1]:
        said, _ = inbound_of(cluster, port, f"{port.service.name}.{port.service.namespace}.svc.cluster.local")
        if said not in SPOKEN[http]:
            yield f"{title}: pilot {http}, we {said.value}"


@pytest.mark.parametrize("name", sorted(set(cases()) - set(OTHERWISE)))
def test_we_say_of_every_cluster_what_pilot_says(name: str) -> None:
    assert list(differences(name)) == []

