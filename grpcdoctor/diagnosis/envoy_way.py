"""Which listener of an Envoy took the probe's calls: by what it counted meanwhile, by its port, by its routes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.envoy.fields import mapping, text
from grpcdoctor.envoy.http import HttpManager
from grpcdoctor.envoy.listeners import FilterChain, Listener
from grpcdoctor.envoy.matching import Request
from grpcdoctor.envoy.request import Explanation, Outcome, through
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.target import Target, TargetError, split_host_port

_NOT_TAKEN: Final = (Outcome.NO_LISTENER, Outcome.NO_CHAIN, Outcome.WRONG_TRANSPORT)
_ANY_PATH: Final = "/grpc.health.v1.Health/Check"


@dataclass(frozen=True, eq=False)
class Entrance:
    """The filter chain that took them, and how that is known."""

    listener: Listener
    chain: FilterChain
    manager: HttpManager
    found_by: str = ""
    """"port and counters", "counters", "port" or "routes"."""

    @property
    def scope(self) -> str:
        """Under which /stats has the listener: its stat_prefix, else the address as it is configured."""
        socket = mapping(self.listener.raw, "address", "socket_address")
        address = f"{text(socket, 'address')}_{text(socket, 'port_value') or '0'}".replace(":", "_")
        return f"listener.{text(self.listener.raw, 'stat_prefix') or address}"


def way_of(proxy: Proxy, listener: Listener, target: Target, path: str) -> Explanation:
    """How a call of this target goes on from this listener. In front of it something else may have ended TLS."""
    request = _request(target, path)
    found = through(proxy, listener, request)
    if found.outcome in _NOT_TAKEN and target.tls:
        return through(proxy, listener, Request(request.host, path, request.port, tls=False))
    return found


def _request(target: Target, path: str) -> Request:
    try:
        host, port = split_host_port(target.authority_header)
    except TargetError:
        host, port = target.authority_header, None
    sni = target.verify_name if target.tls else ""
    return Request(host.lower(), path or _ANY_PATH, port, target.tls, sni)


def entrance_of(before: Proxy, after: Proxy, target: Target) -> Entrance | None:
    """The likeliest one; None where nothing speaks for any.

    The port alone is weak: in front of a gateway's pod it is another one. Counters that rose are strong.
    """
    ranked = []
    for listener, chain, manager, known in _candidates(before, target):
        found = Entrance(listener, chain, manager)
        rose = _rose(before, after, found)
        at_port = listener.port == target.dial_port
        ranked.append(((rose > 0, at_port, known, rose), found))
    if not ranked:
        return None
    (moved, at_port, known, _), best = max(ranked, key=lambda item: item[0])
    if not (moved or at_port or known):
        return None
    how = "port and counters" if moved and at_port else "counters" if moved else "port" if at_port else "routes"
    return Entrance(best.listener, best.chain, best.manager, how)


def _candidates(proxy: Proxy, target: Target) -> Iterator[tuple[Listener, FilterChain, HttpManager, bool]]:
    """Every chain that reads HTTP and takes such a connection; and whether a virtual host names the authority."""
    for listener in proxy.serving:
        found = way_of(proxy, listener, target, _ANY_PATH)
        if found.chain is not None and found.manager is not None:
            known = found.host is not None and found.host.domain != "*"
            yield listener, found.chain, found.manager, known


def _rose(before: Proxy, after: Proxy, entrance: Entrance) -> int:
    """By how much what comes in rose: requests, else connections (one that fails in TLS makes no request)."""
    prefix, connections = entrance.manager.stat_prefix, f"{entrance.scope}.downstream_cx_total"
    requests = after.stats.http(prefix, "downstream_rq_total") - before.stats.http(prefix, "downstream_rq_total")
    accepted = (after.stats.value(connections) or 0) - (before.stats.value(connections) or 0)
    return max(requests, 0) or max(accepted, 0)
