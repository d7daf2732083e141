"""gateway-missing: a VirtualService names a Gateway that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import says_namespace
from grpcdoctor.checks.routes._common import closest, is_placeholder
from grpcdoctor.checks.services._near import slip_among
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, at, items_at, mappings_at, text_at
from grpcdoctor.cluster.istio.gateways import servers_of
from grpcdoctor.cluster.istio.hosts import full_host
from grpcdoctor.cluster.istio.virtual_services import MESH
from grpcdoctor.cluster.kinds import GATEWAY, ISTIO_GATEWAY, VIRTUAL_SERVICE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD612",
    name="gateway-missing",
    severity=Severity.ERROR,
    title="a VirtualService names a Gateway that is not there",
)
READS = (VIRTUAL_SERVICE, ISTIO_GATEWAY, GATEWAY)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    unseen: dict[str, BlindSpot] = {}
    for item in cluster.all(VIRTUAL_SERVICE):
        for path in _places(item):
            conclusion = _judge(cluster, item, path)
            if isinstance(conclusion, BlindSpot):
                unseen.setdefault(conclusion.what, conclusion)
            elif conclusion is not None:
                yield conclusion
    yield from unseen.values()


def _places(item: Object) -> Iterator[FieldPath]:
    """Every name in `gateways`, of the whole and of single matches."""
    for index, name in enumerate(items_at(item.raw, "spec", "gateways")):
        if isinstance(name, str):
            yield ("spec", "gateways", index)
    for section in ("http", "tls", "tcp"):
        for route, raw in mappings_at(item.raw, "spec", section):
            for match, conditions in mappings_at(raw, "match"):
                for index, name in enumerate(items_at(conditions, "gateways")):
                    if isinstance(name, str):
                        yield ("spec", section, route, "match", match, "gateways", index)


def _judge(cluster: Cluster, item: Object, path: FieldPath) -> Conclusion | None:
    written = text_at(item.raw, *path)
    key = _key(item, written)
    if not written or written == MESH or is_placeholder(written) or cluster.get(ISTIO_GATEWAY, *key) is not None:
        return None
    near = _near(cluster, item, key)
    if near is None and not cluster.has_all(ISTIO_GATEWAY, key[0]):
        why = f"{item.title} is bound to it, and it was not shown"
        return BlindSpot(f"Gateway {key[0]}/{key[1]}", why, blocks_verdict=False)
    return _finding(cluster, item, path, key, near)


def _finding(
    cluster: Cluster, item: Object, path: FieldPath, key: tuple[str, str], near: Object | None
) -> Conclusion:
    other = cluster.get(GATEWAY, *key)
    hint = f"; {near.title} is" if near is not None else ""
    if other is not None:
        hint = f"; {key[0]}/{key[1]} is a Gateway of the Gateway API, which takes no VirtualServices"
    related = tuple(one for one in (near, other) if one is not None)
    return about(
        RULE,
        item,
        path,
        f'{item.title} names Gateway "{text_at(item.raw, *path)}", and {key[0]}/{key[1]} is not there{hint}',
        symptom="No gateway takes these routes. Clients that come in through another Gateway of this host get "
        "UNIMPLEMENTED (12) with an empty message (404); where there is none, the connection fails.",
        evidence=tuple(seen(one, ("metadata", "name"), f"{one.title} exists") for one in related),
        fixes=tuple(_fixes(item, path, near)),
        related=related,
        confidence=1.0 if cluster.has_all(ISTIO_GATEWAY, key[0]) else 0.8,
    )


def _key(item: Object, written: str) -> tuple[str, str]:
    namespace, slash, name = written.partition("/")
    return (namespace, name) if slash else (item.namespace, written)


def _near(cluster: Cluster, item: Object, key: tuple[str, str]) -> Object | None:
    """The Gateway that is probably meant: of this name elsewhere, nearly of this name there, or for the same host."""
    by_name, by_place, by_host = cluster.once(_indexes)
    elsewhere = by_name.get(key[1], [])
    known = cluster.has_all(ISTIO_GATEWAY, key[0])
    if len(elsewhere) == 1 and (known or says_namespace(item, elsewhere[0])):
        return elsewhere[0]
    close = (closest if known else slip_among)(key[1], by_place.get(key[0], ()))
    if close is not None:
        return cluster.get(ISTIO_GATEWAY, key[0], close)
    for host in items_at(item.raw, "spec", "hosts"):
        serving = by_host.get(full_host(host, item.namespace), []) if isinstance(host, str) and "." in host else []
        if len(serving) == 1 and "*" not in str(host) and cluster.has_all(ISTIO_GATEWAY, key[0]):
            return serving[0]
    return None


def _indexes(cluster: Cluster) -> tuple[dict[str, list[Object]], dict[str, list[str]], dict[str, list[Object]]]:
    """Gateways by name, names by namespace, and Gateways by the exact hosts of their servers."""
    by_name: dict[str, list[Object]] = {}
    by_place: dict[str, list[str]] = {}
    by_host: dict[str, list[Object]] = {}
    for gateway in cluster.all(ISTIO_GATEWAY):
        by_name.setdefault(gateway.name, []).append(gateway)
        by_place.setdefault(gateway.namespace, []).append(gateway.name)
        for host in {host for server in servers_of(gateway) for _, host in server.hosts}:
            by_host.setdefault(host, []).append(gateway)
    return by_name, by_place, by_host


def _fixes(item: Object, path: FieldPath, near: Object | None) -> Iterator[Fix]:
    if near is not None:
        yield Edit(item).set(path, near.full_name).fix(f"Name {near.title}, with its namespace")
        return
    others = [name for name in items_at(item.raw, *path[:-1]) if name != at(item.raw, *path)]
    if others:
        yield Edit(item).remove(path).fix("Remove the name of the Gateway that is not there")
    else:
        yield Fix("Name a Gateway that is there, as namespace/name, or create this one",
                  command="kubectl get gateways.networking.istio.io -A")  # fmt: skip
