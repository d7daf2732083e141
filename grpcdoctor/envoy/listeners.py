"""Listener and FilterChain: where Envoy accepts connections, which chain takes them, and what it speaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from grpcdoctor.envoy.addresses import address_host, address_port, address_text
from grpcdoctor.envoy.fields import Json, flag, has, mapping, mappings, number, numbers, text, texts, type_name
from grpcdoctor.envoy.http import HttpManager, is_manager
from grpcdoctor.envoy.tls import DownstreamTls, downstream_tls
from grpcdoctor.envoy.updates import Update

_HTTP_MANAGERS: Final = ("envoy.filters.network.http_connection_manager", "envoy.http_connection_manager")
_TCP_PROXIES: Final = ("envoy.filters.network.tcp_proxy", "envoy.tcp_proxy")
_INSPECTORS: Final = {"TlsInspector": "tls_inspector", "HttpInspector": "http_inspector", "OriginalDst": "original_dst"}


@dataclass(frozen=True, slots=True)
class ChainMatch:
    """What a connection must be for this chain. Empty fields ask nothing."""

    destination_port: int | None
    prefix_ranges: tuple[str, ...]
    server_names: tuple[str, ...]
    transport_protocol: str
    """"tls" or "raw_buffer", as the TLS inspector found."""
    application_protocols: tuple[str, ...]
    """The client's ALPN, or what the HTTP inspector found (`h2c`)."""
    source_type: str
    source_prefix_ranges: tuple[str, ...]
    source_ports: tuple[int, ...]

    @property
    def words(self) -> str:
        """`port 15443, SNI *.example.com, tls, ALPN h2`; `any connection` where it asks nothing."""
        said = [
            f"port {self.destination_port}" if self.destination_port is not None else "",
            ", ".join(self.prefix_ranges),
            f"SNI {', '.join(self.server_names)}" if self.server_names else "",
            {"tls": "TLS", "raw_buffer": "plaintext"}.get(self.transport_protocol, self.transport_protocol),
            f"ALPN {', '.join(self.application_protocols)}" if self.application_protocols else "",
            f"from {self.source_type}" if self.source_type else "",
            f"from {', '.join(self.source_prefix_ranges)}" if self.source_prefix_ranges else "",
        ]
        return ", ".join(filter(None, said)) or "any connection"


@dataclass(frozen=True, slots=True)
class TcpProxy:
    """A chain that hands bytes on unread: no routes, no per-call balancing."""

    clusters: tuple[str, ...]
    stat_prefix: str


@dataclass(frozen=True, eq=False)
class FilterChain:
    """One filter chain."""

    raw: Json = field(repr=False)
    index: int
    is_default: bool = False
    """default_filter_chain: what no other chain takes."""

    @property
    def name(self) -> str:
        return text(self.raw, "name")

    @cached_property
    def match(self) -> ChainMatch:
        found = mapping(self.raw, "filter_chain_match")
        source = text(found, "source_type")
        return ChainMatch(
            destination_port=number(found, "destination_port"),
            prefix_ranges=_ranges(found, "prefix_ranges"),
            server_names=texts(found, "server_names") or texts(found, "sni_domains"),
            transport_protocol=text(found, "transport_protocol"),
            application_protocols=texts(found, "application_protocols"),
            source_type="" if source == "ANY" else source,
            source_prefix_ranges=_ranges(found, "source_prefix_ranges"),
            source_ports=numbers(found, "source_ports"),
        )

    @cached_property
    def tls(self) -> DownstreamTls | None:
        """None for plaintext."""
        if has(self.raw, "tls_context"):  # Envoy before 1.13
            return downstream_tls({"typed_config": {"common_tls_context": {}, **mapping(self.raw, "tls_context")}})
        return downstream_tls(mapping(self.raw, "transport_socket"))

    @cached_property
    def filters(self) -> tuple[tuple[str, Json], ...]:
        """(name, configuration) of the network filters in order."""
        return tuple(
            (text(item, "name"), mapping(item, "typed_config") or mapping(item, "config"))
            for item in mappings(self.raw, "filters")
        )

    @cached_property
    def http(self) -> HttpManager | None:
        """None for a chain that does not read HTTP."""
        for name, config in self.filters:
            if is_manager(config) or name in _HTTP_MANAGERS:
                return HttpManager(config)
        return None

    @cached_property
    def tcp(self) -> TcpProxy | None:
        for name, config in self.filters:
            if type_name(config) == "TcpProxy" or name in _TCP_PROXIES:
                single = text(config, "cluster")
                weighted = tuple(text(item, "name") for item in mappings(config, "weighted_clusters", "clusters"))
                return TcpProxy((single,) if single else weighted, text(config, "stat_prefix"))
        return None

    @property
    def speaks(self) -> str:
        """What a client may speak here, in a few words: `HTTPS (h2, http/1.1)`, `h2c + HTTP/1.1`, `TCP`."""
        tls = self.tls
        if self.http is None:
            return ("TCP" if self.tcp is not None else "other") + (" over TLS" if tls is not None else "")
        if tls is None:
            return _CLEAR.get(self.http.codec, self.http.codec)
        versions = _VERSIONS.get(self.http.codec, tls.alpn)
        offered = ", ".join(tls.alpn) or "no ALPN"
        mutual = "mTLS" if tls.require_client_certificate else "TLS"
        agreed = set(tls.alpn) <= set(versions)
        return f"{mutual} ({offered})" if agreed else f"{mutual} ({offered}), codec {self.http.codec}"


_CLEAR: Final = {"AUTO": "h2c + HTTP/1.1", "HTTP1": "HTTP/1.1", "HTTP2": "h2c", "HTTP3": "HTTP/3"}
_VERSIONS: Final = {"HTTP1": ("http/1.1",), "HTTP2": ("h2",), "HTTP3": ("h3",)}


def _ranges(match: Json, field: str) -> tuple[str, ...]:
    """`10.0.0.0/8`."""
    return tuple(
        f"{text(item, 'address_prefix')}/{number(item, 'prefix_len') or 0}" for item in mappings(match, field)
    )


@dataclass(frozen=True, eq=False)
class Listener:
    """One listener, in one state: while a new version serves, the old one may drain under the same name."""

    raw: Json = field(repr=False)
    name: str
    update: Update
    bound: str = ""
    """Where it really listens, as /listeners says (a port of 0 is the kernel's choice)."""

    @property
    def address(self) -> str:
        return self.bound or address_text(mapping(self.raw, "address"))

    @property
    def host(self) -> str:
        return address_host(mapping(self.raw, "address"))

    @property
    def port(self) -> int | None:
        """None for a pipe or an internal listener."""
        if self.bound.rpartition(":")[2].isdigit() and not self.bound.startswith("unix:"):
            return int(self.bound.rpartition(":")[2])
        return address_port(mapping(self.raw, "address"))

    @property
    def more_addresses(self) -> tuple[str, ...]:
        return tuple(address_text(mapping(item, "address")) for item in mappings(self.raw, "additional_addresses"))

    @property
    def direction(self) -> str:
        """INBOUND or OUTBOUND (Istio); empty where nothing is said."""
        found = text(self.raw, "traffic_direction")
        return "" if found == "UNSPECIFIED" else found

    @property
    def binds(self) -> bool:
        """False: connections come from a listener with use_original_dst (Istio's sidecars)."""
        legacy = flag(self.raw, "deprecated_v1", "bind_to_port", default=True)
        return flag(self.raw, "bind_to_port", default=legacy)

    @property
    def hands_over(self) -> bool:
        """use_original_dst: a connection goes to the listener of the address that it was meant for, if there is one."""
        return flag(self.raw, "use_original_dst") or flag(self.raw, "hidden_envoy_deprecated_use_original_dst")

    @property
    def is_udp(self) -> bool:
        return text(self.raw, "address", "socket_address", "protocol") == "UDP"

    @cached_property
    def chains(self) -> tuple[FilterChain, ...]:
        return tuple(FilterChain(item, index) for index, item in enumerate(mappings(self.raw, "filter_chains")))

    @cached_property
    def default_chain(self) -> FilterChain | None:
        if not has(self.raw, "default_filter_chain"):
            return None
        return FilterChain(mapping(self.raw, "default_filter_chain"), len(self.chains), is_default=True)

    @property
    def all_chains(self) -> tuple[FilterChain, ...]:
        return self.chains if self.default_chain is None else (*self.chains, self.default_chain)

    @cached_property
    def inspectors(self) -> tuple[str, ...]:
        """The listener filters, by what they do: `tls_inspector`, `http_inspector`."""
        return tuple(
            _INSPECTORS.get(type_name(item.get("typed_config")), text(item, "name").rpartition(".")[2])
            for item in mappings(self.raw, "listener_filters")
        )
