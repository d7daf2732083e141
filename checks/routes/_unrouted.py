"""Hosts of which only some gRPC services are routed."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.routes._common import is_grpc
from grpcdoctor.checks.routes._tables import Table, steps_of, tables
from grpcdoctor.cluster.fields import texts_at
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, distinct_workloads

_TOOLS = ("grpc_health_probe", "grpc-health-probe", "grpcurl", "grpcui", "grpcdoctor")


def partly_routed(cluster: Cluster) -> tuple[tuple[Table, tuple[RouteRule, ...]], ...]:
    """(table, its routes for gRPC) of every host at a gateway whose routes leave some path out; each host once."""
    return cluster.once(_partly_routed)


def leaves_out(table: Table, path: str) -> bool:
    """Whether no route takes this path; not so where a pattern cannot be read or a condition may let it in."""
    return all(
        step.match is not None and step.match.takes(path) is False for rule in table.rules for step in steps_of(rule)
    )


def users_of(cluster: Cluster, host: str) -> str | None:
    """A workload that is started with a gRPC tool and this host: it depends on what the tool asks for."""
    if not host or "*" in host:
        return None
    for title, words in cluster.once(_tool_users):
        if host in words:
            return title
    return None


def _partly_routed(cluster: Cluster) -> tuple[tuple[Table, tuple[RouteRule, ...]], ...]:
    found: dict[tuple[str, str], tuple[Table, tuple[RouteRule, ...]]] = {}
    for table in tables(cluster):
        key = (table.platform, table.host)
        if table.entrance is None or key in found or any(_takes_all(rule) for rule in table.rules):
            continue
        grpc = tuple(rule for rule in table.rules if rule.looks_like_grpc and rule.backends and is_grpc(cluster, rule))
        if grpc:
            found[key] = table, grpc
    return tuple(found.values())


def _takes_all(rule: RouteRule) -> bool:
    return any(step.everything or (step.match is not None and step.match.is_everything) for step in steps_of(rule))


def _tool_users(cluster: Cluster) -> tuple[tuple[str, str], ...]:
    return tuple(
        (workload.title, words)
        for workload in distinct_workloads(cluster)
        for container in workload.containers
        for words in _commands(container)
        if any(tool in words for tool in _TOOLS)
    )


def _commands(container: Container) -> Iterator[str]:
    yield " ".join((container.image, *container.words))
    for _, raw, _ in container.probes:
        yield " ".join(texts_at(raw, "exec", "command"))
