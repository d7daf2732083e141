"""Pieces of Envoy's configuration: listeners, routes, clusters, filters. What is broken with them: envoy_scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.certificates import Certificates, KeyPair

Json = dict[str, Any]
_TYPE = "type.googleapis.com/envoy.extensions"
_HTTP = "filters.http"
ROUTER: Json = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{_TYPE}.{_HTTP}.router.v3.Router"},
}


def http_filter(name: str, kind: str, **config: Any) -> Json:
    """An HTTP filter, as `http_filter("fault", "HTTPFault", abort=...)`."""
    typed = {"@type": f"{_TYPE}.{_HTTP}.{name}.v3.{kind}", **config}
    return {"name": f"envoy.filters.http.{name}", "typed_config": typed}


def route(cluster: str = "grpc", prefix: str = "/", **action: Any) -> Json:
    """A route to a cluster."""
    return {"match": {"prefix": prefix}, "route": {"cluster": cluster, **action}}


@dataclass(frozen=True)
class Scenario:
    """One listener: what it is for, and where it departs from a healthy h2c gateway."""

    about: str
    tls: bool = False
    alpn: tuple[str, ...] = ("h2", "http/1.1")
    certificate: str = "good"
    """A field of Certificates."""
    client_certificates: bool = False
    codec: str = "AUTO"
    domains: tuple[str, ...] = ("*",)
    routes: Sequence[Json] = field(default_factory=lambda: [route()])
    require_tls: str = "NONE"
    filters: Sequence[Json] = ()
    manager: Json = field(default_factory=dict)
    """More fields of the HTTP connection manager."""
    http2: Json = field(default_factory=dict)
    """http2_protocol_options of the listener."""


def listener(name: str, scenario: Scenario, certificates: Certificates, access_log: str) -> Json:
    """A listener on a port of the kernel's choice."""
    chain: Json = {"filters": [_manager(name, scenario, access_log)]}
    if scenario.tls:
        chain["transport_socket"] = downstream_tls(scenario, certificates)
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [chain],
        "enable_reuse_port": False,
    }


def _manager(name: str, scenario: Scenario, access_log: str) -> Json:
    host = {
        "name": "lab",
        "domains": list(scenario.domains),
        "routes": list(scenario.routes),
        "require_tls": scenario.require_tls,
    }
    typed = {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": scenario.codec,
        "route_config": {"name": name, "virtual_hosts": [host], "validate_clusters": False},
        "http_filters": [*scenario.filters, ROUTER],
        "http2_protocol_options": scenario.http2,
        "access_log": [_access_log(name, access_log)],
        **scenario.manager,
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": typed}


def _access_log(name: str, path: str) -> Json:
    fields = {
        "listener": name,
        "path": "%REQ(:PATH)%",
        "code": "%RESPONSE_CODE%",
        "grpc": "%GRPC_STATUS%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "transport": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    }
    typed = {
        "@type": f"{_TYPE}.access_loggers.file.v3.FileAccessLog",
        "path": path,
        "log_format": {"json_format": fields},
    }
    return {"name": "envoy.access_loggers.file", "typed_config": typed}


def downstream_tls(scenario: Scenario, certificates: Certificates) -> Json:
    pair: KeyPair = getattr(certificates, scenario.certificate)
    common: Json = {
        "tls_certificates": [
            {"certificate_chain": {"filename": str(pair.cert)}, "private_key": {"filename": str(pair.key)}}
        ],
        "alpn_protocols": list(scenario.alpn),
    }
    if scenario.client_certificates:
        common["validation_context"] = {"trusted_ca": {"filename": str(certificates.ca)}}
    typed = {
        "@type": f"{_TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": common,
        "require_client_certificate": scenario.client_certificates,
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed}


def cluster(
    name: str, port: int | None, http2: bool = True, tls_ca: str | None = None, tls_name: str = "", **more: Any
) -> Json:
    """A static cluster of one endpoint on the loopback, or of none where `port` is None."""
    version = "http2_protocol_options" if http2 else "http_protocol_options"
    options = {
        "@type": f"{_TYPE}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {version: {}},
    }
    endpoints = [] if port is None else [endpoint(port)]
    built: Json = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        **more,
    }
    if tls_ca:
        built["transport_socket"] = _upstream_tls(tls_ca, tls_name)
    return built


def endpoint(port: int) -> Json:
    return {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}


def _upstream_tls(ca: str, name: str) -> Json:
    validation: Json = {"trusted_ca": {"filename": ca}}
    if name:
        validation["match_typed_subject_alt_names"] = [{"san_type": "DNS", "matcher": {"exact": name}}]
    typed = {
        "@type": f"{_TYPE}.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": "localhost",
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "validation_context": validation,
        },
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed}


# What Istio keeps of Envoy's counters unless it is told otherwise.
_KEPT_BY_ISTIO: list[Json] = [
    *({"prefix": name} for name in ("cluster_manager", "listener_manager", "server", "cluster.xds-grpc")),
    *({"suffix": name} for name in ("rbac.allowed", "rbac.denied", "downstream_cx_active")),
]


def bootstrap(listeners: list[Json], clusters: list[Json], hides_counters: bool = False) -> Json:
    """The whole configuration, with an admin port of the kernel's choice."""
    matcher = {"stats_matcher": {"inclusion_list": {"patterns": _KEPT_BY_ISTIO}}}
    return {
        **({"stats_config": matcher} if hides_counters else {}),
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    }
