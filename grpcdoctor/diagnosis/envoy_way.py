"""Which listener of an Envoy took the probe's calls: by what it counted meanwhile, by its port, by its routes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.envoy.chains import chain_for
from grpcdoctor.envoy.domains import seen_authority, virtual_host_for
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
    found = [(_rose(before, after, each), each.listener.port == target.dial_port, each)
             for each in _candidates(before, target)]  # fmt: skip
    best = max(((rose > 0, at_port, rose) for rose, at_port, _ in found), default=(False, False, 0))
    alike = [each for rose, at_port, each in found if (rose > 0, at_port, rose) == best]
    moved, at_port, _ = best
    known = [each for each in alike if _knows(before, each, target)] if len(alike) > 1 or not (moved or at_port) else []
    if not (moved or at_port or known):
        return None
    how = "port and counters" if moved and at_port else "counters" if moved else "port" if at_port else "routes"
    return replace((known or alike)[0], found_by=how)


def _candidates(proxy: Proxy, target: Target) -> Iterator[Entrance]:
    """Every chain that reads HTTP and takes such a connection."""
    request = _request(target, _ANY_PATH)
    for listener in proxy.serving:
        for tls in (True, False) if target.tls else (False,):
            chain = chain_for(listener, request, tls).chain
            if chain is not None and chain.http is not None and (chain.tls is not None) is tls:
                yield Entrance(listener, chain, chain.http)
                break


def _knows(proxy: Proxy, entrance: Entrance, target: Target) -> bool:
    """Whether one of its virtual hosts names the authority; one for all says nothing."""
    routes, request = proxy.routes_of(entrance.manager), _request(target, _ANY_PATH)
    if routes is None:
        return False
    authority = seen_authority(request, entrance.manager, entrance.listener.port, routes)
    found = virtual_host_for(routes, authority)
    return found is not None and found.domain != "*"


def _rose(before: Proxy, after: Proxy, entrance: Entrance) -> int:
    """By how much what comes in rose: requests, else connections (one that fails in TLS makes no request)."""
    prefix, connections = entrance.manager.stat_prefix, f"{entrance.scope}.downstream_cx_total"
    requests = after.stats.http(prefix, "downstream_rq_total") - before.stats.http(prefix, "downstream_rq_total")
    accepted = (after.stats.value(connections) or 0) - (before.stats.value(connections) or 0)
    return max(requests, 0) or max(accepted, 0)
