"""The hops that can be seen from the network: the first one exactly, the one behind a proxy by what it lets through."""

from __future__ import annotations

from grpcdoctor.model.facts.envoy import EnvoyBackend, EnvoyFacts
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.report import DecidedBy, Hop
from grpcdoctor.model.run import Run

_PROXIES = frozenset(("envoy", "nginx", "haproxy"))


def hops_of(run: Run) -> tuple[Hop, ...]:
    """client → endpoint, and the hop behind it where a proxy terminates HTTP/2 there."""
    first = _first_hop(run)
    if first is None:
        return ()
    envoy = run.get(EnvoyFacts)
    if envoy is not None and not envoy.saw_nothing and any(item.version for item in envoy.backends):
        return (first, *(_behind(envoy, item) for item in envoy.backends if item.version))
    http2 = run.get(Http2Facts)
    if http2 is None or http2.terminator not in _PROXIES:
        return (first,)
    return first, Hop(f"{http2.terminator} at {run.target.endpoint}", "backend", "unknown")


def _behind(envoy: EnvoyFacts, backend: EnvoyBackend) -> Hop:
    """By Envoy's own word."""
    at = f" at {envoy.entrance.address}" if envoy.entrance is not None else ""
    decided = DecidedBy("Envoy cluster", name=backend.name, field=backend.version_field or None, value=backend.version)
    protocol = backend.version if backend.version in ("h2", "http/1.1", "same-as-client") else "unknown"
    return Hop(f"Envoy{at}", f"cluster {backend.name}", protocol, backend.tls or None, decided)


def _first_hop(run: Run) -> Hop | None:
    tls, h2c, http2 = run.get(TlsFacts), run.get(H2cFacts), run.get(Http2Facts)
    if tls is not None and tls.completed and tls.handshake is not None:
        selected = tls.handshake.selected
        spoken = http2.first.spoken if http2 is not None and http2.first is not None else None
        decided = DecidedBy("ALPN", name=run.target.endpoint, field="selected", value=selected or "none")
        return Hop("client", run.target.endpoint, _protocol(spoken), tls.handshake.version, decided)
    if h2c is not None and h2c.first is not None:
        decided = DecidedBy("prior knowledge", name=run.target.endpoint, field="answer", value=h2c.first.spoken)
        return Hop("client", run.target.endpoint, _protocol(h2c.first.spoken), None, decided)
    return None


def _protocol(spoken: str | None) -> str:
    return spoken if spoken in ("h2", "http/1.1") else "unknown"
