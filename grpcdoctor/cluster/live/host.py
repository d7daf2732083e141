"""Reads what concerns one host, in two steps, so that a probe beside a large cluster stays quick.

First the gateways and routes, which are few. Where none of them names the host, and it is no Service's own name, that
is all; else what stands behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import Final

from grpcdoctor.cluster.claims import claiming, namespaces_concerned, service_named
from grpcdoctor.cluster.coverage import Coverage
from grpcdoctor.cluster.kinds import (
    CONTOUR_HTTP_PROXY,
    EMISSARY_MAPPING,
    GATEWAY,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    INGRESS,
    INGRESS_CLASS,
    ISTIO_GATEWAY,
    NGINX_VIRTUAL_SERVER,
    TLS_ROUTE,
    TRAEFIK_INGRESS_ROUTE,
    VIRTUAL_SERVICE,
    Kind,
)  # fmt: skip
from grpcdoctor.cluster.live.connection import Connection
from grpcdoctor.cluster.live.reader import read_cluster
from grpcdoctor.cluster.snapshot import Cluster

CLAIMING_KINDS: Final[tuple[Kind, ...]] = (
    ISTIO_GATEWAY, VIRTUAL_SERVICE, GATEWAY_CLASS, GATEWAY, HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, INGRESS_CLASS, INGRESS,
    TRAEFIK_INGRESS_ROUTE, CONTOUR_HTTP_PROXY, EMISSARY_MAPPING, NGINX_VIRTUAL_SERVER,
)  # fmt: skip


def read_for_host(
    connection: Connection, host: str, *, kinds: Iterable[Kind], secrets: bool = True, deadline_seconds: float
) -> Cluster:
    """The cluster as far as it concerns `host`; only gateways and routes where nothing names it."""
    started = monotonic()
    wanted = frozenset(kinds)
    first = read_cluster(
        connection, kinds=wanted & frozenset(CLAIMING_KINDS), secrets=False, deadline_seconds=deadline_seconds
    )
    if not claiming(first, host) and service_named(host) is None:
        return first
    second = read_cluster(
        connection,
        kinds=wanted - frozenset(CLAIMING_KINDS),
        namespaces=namespaces_concerned(first, host),
        secrets=secrets,
        deadline_seconds=max(0.1, deadline_seconds - (monotonic() - started)),
        beside=first,
    )
    return merged(first, second)


def merged(first: Cluster, second: Cluster) -> Cluster:
    """Both in one; they hold different kinds."""
    coverage = Coverage(
        {**first.coverage.namespaces, **second.coverage.namespaces},
        first.coverage.looked_up | second.coverage.looked_up,
    )
    spots = (*first.blind_spots, *second.blind_spots)
    strangers = (*first.strangers, *second.strangers)
    return Cluster((*first.objects, *second.objects), coverage, spots, first.name, strangers, first.read_at)
