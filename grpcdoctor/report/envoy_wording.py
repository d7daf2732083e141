"""What a probe learned of an Envoy, in words for -v: a line each for the entrance, a way, a cluster, a counter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from grpcdoctor.model.facts.envoy import Counted, EnvoyBackend, EnvoyEndpoint, EnvoyEntrance, EnvoyWay


def _entrance(entrance: EnvoyEntrance) -> str:
    tls = f"TLS (ALPN {', '.join(entrance.alpn) or 'none'})" if entrance.tls else "plaintext"
    filters = ", ".join(entrance.filters)
    return (
        f"listener {entrance.listener} {entrance.address} {entrance.chain}, {tls}, codec {entrance.codec}, "
        f"filters {filters}; known by {entrance.found_by}"
    )


def _way(way: EnvoyWay) -> str:
    if not way.host:
        return f"{way.path}: no virtual host; domains {', '.join(way.domains)}"
    if not way.route:
        return f"{way.path}: virtual host {way.host}, no route; it has {', '.join(way.routes)}"
    to = ", ".join(way.clusters) or way.action
    times = ", ".join(f"{time.what} {time.seconds:g} s{' (default)' if time.is_default else ''}" for time in way.times)
    made = f", made of {way.made_by}" if way.made_by else ""
    acting = "".join(f", {kind} {note}".rstrip() for kind, note in way.filters)
    return f"{way.path}: virtual host {way.host}, {way.route} to {to}{made}{f', {times}' if times else ''}{acting}"


def _backend(backend: EnvoyBackend) -> str:
    if backend.state in ("missing", "unknown"):
        return f"{backend.name}: {backend.state}"
    spoken = f"{backend.version}, {backend.tls or 'plaintext'}"
    limits = ", ".join(f"{name} {value}" for name, value in backend.limits)
    ends = "; ".join(_endpoint(item) for item in backend.endpoints)
    decided = backend.version_field or "nothing is set"
    return (
        f"{backend.name}: {spoken} ({decided}), {backend.healthy} of {backend.total} endpoints healthy, "
        f"{limits}{': ' if ends else ''}{ends}"
    )


def _endpoint(endpoint: EnvoyEndpoint) -> str:
    parts = [endpoint.address, *endpoint.ailments]
    parts += [f"{endpoint.requests} requests"] if endpoint.requests else []
    parts += [f"{endpoint.failed_connects} failed connections"] if endpoint.failed_connects else []
    return ", ".join(parts)


def _counted(item: Counted) -> str:
    return f"{item.scope} {item.of} {item.what} +{item.by}".strip()


ENVOY_SHAPES: Final[dict[type, Callable[[Any], str]]] = {
    EnvoyEntrance: _entrance,
    EnvoyWay: _way,
    EnvoyBackend: _backend,
    EnvoyEndpoint: _endpoint,
    Counted: _counted,
}
