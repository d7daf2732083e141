"""Which listener and which of its filter chains take a connection (Envoy's FilterChainManagerImpl::findFilterChain)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grpcdoctor.envoy.listeners import FilterChain, Listener
from grpcdoctor.envoy.matching import Request
from grpcdoctor.envoy.snapshot import Proxy

# What a gateway's Service publishes -> where its pods listen, as Istio's charts map them.
_MAPPED_PORTS: Final = {443: (8443,), 80: (8080,)}
_NAMES_SHOWN: Final = 4
_ANYWHERE: Final = ("0.0.0.0", "::", "")


@dataclass(frozen=True, slots=True)
class ChainMatched:
    """The chain, or None and why there is none."""

    chain: FilterChain | None
    why: str = ""


def listeners_for(proxy: Proxy, request: Request, name: str = "") -> tuple[tuple[Listener, str], ...]:
    """(listener, why it is this one) of every listener in question, the likeliest first."""
    serving = [item for item in proxy.serving if not item.is_udp]
    if name:
        return tuple((item, "as asked") for item in serving if name in item.name)
    if request.port is None:
        return tuple((item, "no port was given") for item in serving)
    found = [(item, f"it listens on {item.address}") for item in serving if item.port == request.port]
    found += [
        (item, f"port {request.port} of a gateway's Service usually leads to {item.port}")
        for item in serving
        for port in _MAPPED_PORTS.get(request.port, ())
        if item.port == port and item.binds
    ]
    found += [
        (item, f"it captures what goes to port {request.port}")
        for item in serving
        if item.binds and (item.hands_over or _chain_for_port(item, request.port))
    ]
    if not found:
        found = [(item, f"no listener is on port {request.port}") for item in serving if item.binds]
    return tuple({id(item): (item, why) for item, why in reversed(found)}.values())[::-1]


def _chain_for_port(listener: Listener, port: int) -> bool:
    return any(chain.match.destination_port == port for chain in listener.chains)


def chain_for(listener: Listener, request: Request, tls: bool) -> ChainMatched:
    """Step by step, the most specific first; Envoy does not go back, so a later step may leave nothing."""
    sni = (request.sni or request.host).lower() if tls and not _is_address(request.sni or request.host) else ""
    steps: tuple[tuple[str, Callable[[Sequence[FilterChain]], list[FilterChain]]], ...] = (
        (f"destination port {request.port or listener.port}", lambda c: _by_port(c, request.port or listener.port)),
        (f"address {listener.host}", lambda c: _by_address(c, listener.host)),
        (f"SNI {sni or '(none)'}", lambda c: _by_name(c, sni)),
        ("TLS" if tls else "plaintext", lambda c: _by_transport(c, "tls" if tls else "raw_buffer")),
        (f"ALPN {', '.join(_protocols(listener, request, tls)) or '(none)'}",
         lambda c: _by_alpn(c, _protocols(listener, request, tls))),
        ("the client's address", _by_source),
    )  # fmt: skip
    left: Sequence[FilterChain] = listener.chains
    for words, step in steps:
        kept = step(left)
        if left and not kept:
            return ChainMatched(listener.default_chain, f"none of {len(left)} chains takes {words}")
        left = kept
    if left:
        return ChainMatched(left[0])
    return ChainMatched(listener.default_chain, "" if listener.default_chain is not None else "it has no filter chain")


def _protocols(listener: Listener, request: Request, tls: bool) -> tuple[str, ...]:
    """The client's ALPN; in clear what the HTTP inspector finds out."""
    if tls:
        return request.alpn
    return ("h2c",) if "http_inspector" in listener.inspectors else ()


def _by_port(chains: Sequence[FilterChain], port: int | None) -> list[FilterChain]:
    exact = [chain for chain in chains if chain.match.destination_port == port]
    return exact if exact and port is not None else [c for c in chains if c.match.destination_port is None]


def _by_address(chains: Sequence[FilterChain], host: str) -> list[FilterChain]:
    """The longest prefix around the address. Where the listener is on all addresses it is not known which one it is:
    then chains for all of them come first."""
    if host in _ANYWHERE:
        return [chain for chain in chains if _takes_all(chain.match.prefix_ranges)] or list(chains)
    ranked = [(_longest(chain.match.prefix_ranges, host), chain) for chain in chains]
    best = max((length for length, _ in ranked), default=-1)
    return [chain for length, chain in ranked if length == best and best >= 0]


def _takes_all(ranges: Sequence[str]) -> bool:
    return not ranges or any(each.endswith("/0") for each in ranges)


def _longest(ranges: Iterable[str], host: str) -> int:
    """The length of the longest prefix that holds the address; 0 where nothing is asked, -1 where none does."""
    import ipaddress

    found = [-1]
    ranges = tuple(ranges)
    for each in ranges:
        try:
            network = ipaddress.ip_network(each, strict=False)
            if ipaddress.ip_address(host) in network:
                found.append(network.prefixlen)
        except ValueError:
            continue
    return max(found) if ranges else 0


def _by_name(chains: Sequence[FilterChain], sni: str) -> list[FilterChain]:
    """Exact, then ever shorter `*.suffix`, then those that ask nothing."""
    for wanted in _names(sni):
        found = [c for c in chains if wanted in (name.lower() for name in c.match.server_names)]
        if found:
            return found
    return [chain for chain in chains if not chain.match.server_names]


def _names(sni: str) -> Iterator[str]:
    if not sni:
        return
    yield sni
    rest = sni
    while "." in rest:
        rest = rest.partition(".")[2]
        yield f"*.{rest}"


def _by_transport(chains: Sequence[FilterChain], transport: str) -> list[FilterChain]:
    exact = [chain for chain in chains if chain.match.transport_protocol == transport]
    return exact or [chain for chain in chains if not chain.match.transport_protocol]


def _by_alpn(chains: Sequence[FilterChain], protocols: Sequence[str]) -> list[FilterChain]:
    """In the client's order."""
    for protocol in protocols:
        found = [chain for chain in chains if protocol in chain.match.application_protocols]
        if found:
            return found
    return [chain for chain in chains if not chain.match.application_protocols]


def _by_source(chains: Sequence[FilterChain]) -> list[FilterChain]:
    """Who asks is not known: those that ask nothing about it, else all."""
    free = [c for c in chains if not (c.match.source_type or c.match.source_prefix_ranges or c.match.source_ports)]
    return free or list(chains)


def _is_address(host: str) -> bool:
    """An SNI is a name, never an address (RFC 6066, section 3)."""
    return ":" in host or host.replace(".", "").isdigit()


def near_chains(listener: Listener, request: Request, tls: bool) -> Iterator[str]:
    """What the other way of connecting would meet, and the names that TLS wants."""
    if chain_for(listener, request, not tls).chain is not None:
        yield f"{'plaintext' if tls else 'TLS'} is taken here"
    names = list(dict.fromkeys(name for chain in listener.chains for name in chain.match.server_names))
    if tls and names:
        more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
        yield f"it takes the SNI {', '.join(names[:_NAMES_SHOWN])}{more}"
