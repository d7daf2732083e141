"""Routes of every platform in one form: from an entrance, by host and path, to backends.

A provider (Istio, Gateway API, an ingress controller) turns its own objects into RouteRules. Rules that are about
routing as such (shadowing, reflection not routed, …) and the hops are worked out from these alone.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.hops import Spoken, Upstream
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload

# One module a provider, each with `routes_of(cluster) -> Iterator[RouteRule]`.
PROVIDERS: Final = (
    "grpcdoctor.cluster.istio.routes",
    "grpcdoctor.cluster.gateway_api.routes",
    "grpcdoctor.cluster.ingress.routes",
)

# /package.Service/Method, /package.Service/ or /package.Service: at least one dot, and the last word of the service
# begins with a capital, so that /api.v1/ is none.
_GRPC_PATH: Final = re.compile(r"^/(?:[A-Za-z_]\w*\.)+[A-Z]\w*(?:/\w*)?$")
# Without a package, as small examples have it: /Greeter/SayHello.
_BARE_GRPC_PATH: Final = re.compile(r"^/[A-Z]\w*/[A-Z]\w*$")


class PathKind:
    """How a match compares the path."""

    EXACT: Final = "exact"
    PREFIX: Final = "prefix"
    """Letter by letter (Istio, Contour)."""
    SEGMENTS: Final = "segments"
    """By whole segments (Ingress and Gateway API PathPrefix): /pkg.Svc does not match /pkg.Svc2."""
    REGEX: Final = "regex"
    ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class Match:
    """One alternative of a route's conditions."""

    kind: str = PathKind.ANY
    value: str = ""
    path: FieldPath = ()
    """Leads to the value, or to the match where it has no path condition."""
    others: bool = False
    """It has further conditions (headers, method, query …), so it may leave some requests to later routes."""

    @property
    def is_everything(self) -> bool:
        return self.kind == PathKind.ANY or (self.kind != PathKind.EXACT and self.value in ("/", "")) or (
            self.kind == PathKind.REGEX and self.value in (".*", "/.*", "^/.*", "^.*$", "/.+")
        )

    def takes(self, path: str) -> bool | None:
        """Whether a request for `path` meets the path condition; None where a regular expression cannot be read."""
        if self.kind == PathKind.ANY:
            return True
        if self.kind == PathKind.EXACT:
            return path == self.value
        if self.kind == PathKind.PREFIX:
            return path.startswith(self.value)
        if self.kind == PathKind.SEGMENTS:
            trimmed = self.value.rstrip("/")
            return path == trimmed or path.startswith(trimmed + "/")
        return _matches(self.value, path)

    @property
    def looks_like_grpc(self) -> bool:
        """The path is one of a gRPC service or method."""
        return self.kind != PathKind.REGEX and _GRPC_PATH.match(self.value) is not None

    @property
    def may_be_grpc(self) -> bool:
        return self.looks_like_grpc or (self.kind != PathKind.REGEX and _BARE_GRPC_PATH.match(self.value) is not None)


@dataclass(frozen=True, eq=False)
class Entrance:
    """Where requests come in: a server of a Gateway, a listener, an ingress controller's port."""

    platform: str
    """"istio", "gateway-api", "ingress-nginx", "traefik", …."""
    object: Object
    path: FieldPath
    port: int | None
    hosts: tuple[str, ...]
    """Empty: every host."""
    terminates_tls: bool
    passes_tls: bool = False
    """TLS goes through unread."""
    downstream: Spoken = Spoken.H2
    """What a gRPC client can speak to it: HTTP1 where HTTP/2 is not offered."""
    workloads: tuple[Workload, ...] = ()
    services: tuple[Service, ...] = ()
    """The Services in front of its pods, as far as they are shown."""
    name: str = ""
    """What people call it: the Service's name, the class."""

    @property
    def title(self) -> str:
        return self.name or self.object.full_name


@dataclass(frozen=True, eq=False)
class Backend:
    """One destination of a route."""

    host: str
    """What is written, as `namespace/name` or a host name."""
    port_number: int | None
    path: FieldPath
    upstream: Upstream
    service: Service | None = None
    port: ServicePort | EntryPort | None = None
    """None where it was not found."""
    subset: str = ""
    weight: int | None = None
    takes_h2_only: bool = False
    """The platform's own configuration says that this backend speaks gRPC."""

    @property
    def title(self) -> str:
        return f"{self.host}:{self.port_number}" if self.port_number is not None else self.host


@dataclass(frozen=True, eq=False)
class RouteRule:
    """One rule of one route object, in the order that the platform tries them."""

    platform: str
    object: Object
    path: FieldPath
    hosts: tuple[str, ...]
    """Empty: every host of the entrance."""
    entrances: tuple[Entrance, ...]
    backends: tuple[Backend, ...]
    matches: tuple[Match, ...] = ()
    """Empty: everything."""
    in_mesh: bool = False
    """Sidecars use it, too."""
    is_http: bool = True
    """False: it hands on TCP or TLS unread."""
    declares_grpc: bool = False
    """The route itself says gRPC (a GRPCRoute, an annotation)."""
    implementation: str = ""
    """Who carries it out, where the platform leaves that open: of a Gateway API route "istio", "contour", …."""

    @property
    def by_istio(self) -> bool:
        """Istio's proxies carry it out: a VirtualService, or a Gateway API route at an Istio gateway or in its mesh."""
        return "istio" in (self.platform, self.implementation)

    @property
    def takes_everything(self) -> bool:
        return not self.matches or any(match.is_everything and not match.others for match in self.matches)

    @property
    def looks_like_grpc(self) -> bool:
        return self.declares_grpc or any(match.looks_like_grpc for match in self.matches)


def routes(cluster: Cluster) -> tuple[RouteRule, ...]:
    """Of all providers, each in the order of its objects and rules."""
    return cluster.once(_routes)


def rules_by_port(cluster: Cluster) -> dict[int, list[tuple[RouteRule, Backend]]]:
    """id of a ServicePort -> the rules that lead to it."""
    return cluster.once(_rules_by_port)


def rules_to(cluster: Cluster, port: ServicePort) -> tuple[tuple[RouteRule, Backend], ...]:
    return tuple(rules_by_port(cluster).get(id(port), ()))


def _routes(cluster: Cluster) -> tuple[RouteRule, ...]:
    return tuple(rule for name in PROVIDERS for rule in _provider(name)(cluster))


def _provider(name: str) -> Callable[[Cluster], Iterator[RouteRule]]:
    found: Callable[[Cluster], Iterator[RouteRule]] = import_module(name).routes_of
    return found


def _rules_by_port(cluster: Cluster) -> dict[int, list[tuple[RouteRule, Backend]]]:
    found: dict[int, list[tuple[RouteRule, Backend]]] = {}
    for rule in routes(cluster):
        for backend in rule.backends:
            if isinstance(backend.port, ServicePort):
                found.setdefault(id(backend.port), []).append((rule, backend))
    return found


_LONGEST_PATTERN: Final = 300
_LONGEST_PATH: Final = 300
_MOST_REPETITIONS: Final = 4
_LITERAL: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
_REPETITION: Final = re.compile(r"[*+{]")
# A group without groups in it: its flags, what it holds, what repeats it.
_GROUP: Final = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:|[a-zA-Z-]*(?=\))|<?[=!]))?([^()]*)\)([*+{]?)")


def _matches(pattern: str, path: str) -> bool | None:
    """RE2's full match by Python's engine; patterns that could run long in a backtracking one are not tried."""
    if len(pattern) > _LONGEST_PATTERN or len(path) > _LONGEST_PATH or _could_hang(pattern):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's own about sets, which mean nothing to RE2
            return re.fullmatch(pattern, path) is not None
    except (re.error, OverflowError, RecursionError):
        return None


def _could_hang(pattern: str) -> bool:
    """A repeated group with a choice in it takes exponential time, many repetitions side by side a high power."""
    plain = _LITERAL.sub("x", pattern)
    if len(_REPETITION.findall(plain)) > _MOST_REPETITIONS or re.search(r"[*+}][*+{]", plain):
        return True
    while (group := _GROUP.search(plain)) is not None:
        held, repeated = group.groups()
        if repeated and re.search(r"[*+{?|]", held):
            return True
        plain = f"{plain[: group.start()]}{held}{repeated}{plain[group.end() :]}"
    return False
