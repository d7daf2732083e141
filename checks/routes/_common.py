"""What the rules about routes share: proof that a route is for gRPC, what clients see, and which field to change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from grpcdoctor.checks._findings import seen
from grpcdoctor.cluster.fields import FieldPath, at
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import find_host, full_host
from grpcdoctor.cluster.istio.protocol import EntryPort, protocol_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, RouteRule, routes
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Evidence

ISTIO: Final = "istio"
GATEWAY_API: Final = "gateway-api"
CLOSE_ENOUGH: Final = 0.8
_MOST: Final = 3
_LETTERS: Final = 3
_PLACEHOLDER: Final = re.compile(r"[${}()<>]")

NO_ROUTE: Final = "Clients get UNIMPLEMENTED (12) with an empty message: the gateway answers 404, for no route matches."


def no_backend(platform: str) -> str:
    """What clients see where a route leads to a backend that is not there."""
    if platform == ISTIO:
        return "Envoy has no cluster of that name: clients get UNAVAILABLE (14) with an empty message."
    if platform == GATEWAY_API:
        return "The gateway answers 500 for this backend, with ResolvedRefs=False: clients get UNKNOWN (2)."
    return "The controller answers 503 (some 502 or 404): clients get UNAVAILABLE (14)."


def grpc_proof(cluster: Cluster, rule: RouteRule) -> tuple[Evidence, ...]:
    """Why this route carries gRPC; nothing where no object says so."""
    return tuple(_proofs(cluster, rule))[:_MOST]


def backend_proof(cluster: Cluster, backend: Backend) -> tuple[Evidence, ...]:
    """Why the backend is a gRPC server, whatever the routes say about it."""
    return tuple(_backend_proofs(cluster, backend))[:_MOST]


def is_grpc(cluster: Cluster, rule: RouteRule) -> bool:
    return any(True for _ in _proofs(cluster, rule))


def rules_once(cluster: Cluster) -> Iterator[RouteRule]:
    """Every rule of every object once, though two VirtualServices may delegate to it."""
    done: set[tuple[int, FieldPath]] = set()
    for rule in routes(cluster):
        key = (id(rule.object), rule.path)
        if key not in done:
            done.add(key)
            yield rule


def full_name(rule: RouteRule, backend: Backend) -> str:
    """The full host of an Istio destination."""
    written = at(rule.object.raw, *backend.path, "host")
    return full_host(written if isinstance(written, str) else backend.host, rule.object.namespace)


def target_of(cluster: Cluster, rule: RouteRule, backend: Backend) -> Service | Object | None:
    """What the backend names: a Service, or with Istio a ServiceEntry."""
    if backend.service is not None or rule.platform != ISTIO:
        return backend.service
    return find_host(cluster, full_name(rule, backend))


def service_key(rule: RouteRule, backend: Backend) -> tuple[str, str]:
    """(namespace, name) that a backend of a platform other than Istio names."""
    namespace, slash, name = backend.host.partition("/")
    return (namespace, name) if slash else (rule.object.namespace, backend.host)


def field_of(rule: RouteRule, backend: Backend, what: str) -> FieldPath | None:
    """Where the platform writes the "name" or the "port" of this backend; None where it cannot be told."""
    base = backend.path
    while base and not isinstance(at(rule.object.raw, *base), dict):
        base = base[:-1]
    raw = at(rule.object.raw, *base)
    for inner in ((), ("backend", "service"), ("service",), ("destination",)):
        here = at(raw, *inner)
        if not isinstance(here, dict) or not ({"name", "host", "port", "number"} & set(here)):
            continue
        if what == "name" and isinstance(here.get("service"), str):  # an upstream of a VirtualServer has both
            return (*base, *inner, "service")
        if what == "name":
            return (*base, *inner, "host" if "host" in here or rule.platform == ISTIO else "name")
        if isinstance(here.get("port"), dict) or rule.platform == ISTIO or inner:
            return (*base, *inner, "port", "number")
        return (*base, *inner, "port")
    return None


def names_a_service(rule: RouteRule, backend: Backend) -> bool:
    """The backend is written as a Service (and not as an object of some other kind)."""
    raw = at(rule.object.raw, *backend.path)
    if not isinstance(raw, dict):
        return bool(backend.host)
    kind, group = raw.get("kind", "Service"), raw.get("group", "")
    other = raw.get("resource") is not None or at(raw, "backend", "resource") is not None
    return bool(backend.host) and kind in ("Service", "", None) and group in ("", None, "core") and not other


def is_placeholder(name: str) -> bool:
    """`$(NAME)`, `${NAME}`, `{NAME}`, `<name>`: what is filled in before it is applied."""
    return _PLACEHOLDER.search(name) is not None


def closest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that is nearly this one."""
    likely = (other for other in words if other != word and abs(len(other) - len(word)) <= _LETTERS and other and word)
    others = [other for other in likely if other[0] == word[0] or other[-1] == word[-1]]
    others = [other for other in others if not _is_variant(word, other)]
    found = get_close_matches(word, others, n=1, cutoff=CLOSE_ENOUGH)
    return found[0] if found else None


def _is_variant(one: str, other: str) -> bool:
    """`greeter` and `greeter-v2`, `shard-1` and `shard-2`: names that are alike on purpose."""
    short, long = sorted((one, other), key=len)
    digits = str.maketrans("", "", "0123456789")
    return one.translate(digits) == other.translate(digits) or (long.startswith(short) and len(long) - len(short) > 1)


def _proofs(cluster: Cluster, rule: RouteRule) -> Iterator[Evidence]:
    if rule.declares_grpc:
        yield seen(rule.object, rule.path, f"{rule.object.title} declares gRPC")
    for match in rule.matches:
        if match.looks_like_grpc:
            yield seen(rule.object, match.path)
            break
    for backend in rule.backends:
        yield from _backend_proofs(cluster, backend)


def _backend_proofs(cluster: Cluster, backend: Backend) -> Iterator[Evidence]:
    if isinstance(backend.port, ServicePort):
        intent = intent_of(cluster, backend.port)
        if intent.is_grpc:
            for hint in intent.grpc[:2]:
                yield seen(hint.object, hint.path, hint.text)
    elif isinstance(backend.port, EntryPort) and protocol_of(backend.port).protocol.is_http2:
        yield seen(backend.port.entry, (*backend.port.path, "protocol"))
