"""Which virtual host takes an authority: exact, then the longest `*.suffix`, then the longest `prefix.*`, then `*`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grpcdoctor.envoy.http import HttpManager
from grpcdoctor.envoy.matching import Request
from grpcdoctor.envoy.routes import RouteConfiguration, VirtualHost


@dataclass(frozen=True, slots=True)
class HostMatch:
    """A virtual host, the domain of it that took the request, and what was compared with it."""

    virtual_host: VirtualHost
    domain: str
    authority: str


def seen_authority(request: Request, manager: HttpManager, port: int | None, routes: RouteConfiguration) -> str:
    """What domains are compared with: the connection manager and the route configuration may take the port off."""
    strips = manager.strips_port
    if strips == "any" or (strips == "matching" and request.port == port) or routes.ignores_port:
        return Request(request.host, "").authority
    return request.authority


def virtual_host_for(routes: RouteConfiguration, authority: str) -> HostMatch | None:
    """RouteConfigImpl::findVirtualHost."""
    best: tuple[int, int] | None = None
    found: HostMatch | None = None
    for host in routes.virtual_hosts:
        for domain in host.domains:
            rank = _rank(domain.lower(), authority.lower())
            if rank is not None and (best is None or rank > best):
                best, found = rank, HostMatch(host, domain, authority)
    return found


def _rank(domain: str, authority: str) -> tuple[int, int] | None:
    """How good a match it is; None for none. An asterisk stands for one character or more."""
    if domain == "*":
        return 0, 0
    if domain == authority:
        return 3, 0
    if domain.startswith("*") and len(authority) >= len(domain) and authority.endswith(domain[1:]):
        return 2, len(domain)
    if domain.endswith("*") and len(authority) >= len(domain) and authority.startswith(domain[:-1]):
        return 1, len(domain)
    return None


def near_hosts(routes: RouteConfiguration, request: Request) -> Iterator[str]:
    """Domains that only the port keeps from matching, and those that are nearly the host."""
    bare = Request(request.host, "").authority
    domains = [domain for host in routes.virtual_hosts for domain in host.domains if domain != "*"]
    if request.port is not None and any(_rank(domain.lower(), bare.lower()) for domain in domains):
        yield (
            f"a domain takes {bare} without the port; clients that send {request.authority} miss it "
            "(ignore_port_in_host_matching, or a domain with the port)"
        )
    with_port = [domain for domain in domains if domain.lower().rpartition(":")[0] == bare.lower()]
    if request.port is None and with_port:
        yield f"there is {with_port[0]}: clients that send the port are taken"
    from difflib import get_close_matches

    close = get_close_matches(request.host, [domain.lower() for domain in domains[:2000]], n=3, cutoff=0.75)
    close = [domain for domain in close if domain.partition(":")[0] != request.host]
    if close:
        yield f"close to it: {', '.join(close)}"
