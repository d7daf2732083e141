"""The gRPC services that the objects speak of, in routes and in AuthorizationPolicies."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.cluster.fields import mapping_at, mappings_at, texts_at
from grpcdoctor.cluster.kinds import AUTHORIZATION_POLICY
from grpcdoctor.cluster.routes import Match, PathKind, routes
from grpcdoctor.cluster.snapshot import Cluster

REFLECTION: Final = ("/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/")
HEALTH: Final = "/grpc.health.v1.Health/"
_SERVICE: Final = re.compile(r"^/((?:[A-Za-z_]\w*\.)+[A-Z]\w*)(?:/|$)")


def service_in(path: str) -> str | None:
    """`shop.Greeter` of `/shop.Greeter/SayHello`; None where the path is not one of a gRPC service."""
    found = _SERVICE.match(path)
    return found[1] if found else None


def service_of(match: Match) -> str | None:
    return service_in(match.value) if match.kind in (PathKind.EXACT, PathKind.PREFIX, PathKind.SEGMENTS) else None


def known_services(cluster: Cluster) -> frozenset[str]:
    """Full names, `shop.Greeter`."""
    return cluster.once(_known)


def by_last_word(cluster: Cluster) -> dict[str, frozenset[str]]:
    """`greeter` -> the known services whose last word it is, in lower case."""
    return cluster.once(_by_last_word)


def _known(cluster: Cluster) -> frozenset[str]:
    found = {service_of(match) for rule in routes(cluster) for match in rule.matches}
    for policy in cluster.all(AUTHORIZATION_POLICY):
        for _, rule in mappings_at(policy.raw, "spec", "rules"):
            for _, to in mappings_at(rule, "to"):
                operation = mapping_at(to, "operation")
                paths = (*texts_at(operation, "paths"), *texts_at(operation, "notPaths"))
                found |= {service_in(path) for path in paths}
    return frozenset(name for name in found if name is not None)


def _by_last_word(cluster: Cluster) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in known_services(cluster):
        found.setdefault(name.rpartition(".")[2].lower(), set()).add(name)
    return {word: frozenset(names) for word, names in found.items()}
