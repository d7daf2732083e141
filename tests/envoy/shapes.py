"""Assembles an Envoy's answers from few words: the raw messages of Envoy, with short ways to say what is common.

    proxy_of({
        "listeners": [{"name": "web", "port": 80, "http": {"routes": [{"match": …, …}]}, "tls": {"alpn": ["h2"]}}],
        "clusters": [{"name": "greeter", "http": "h2", "endpoints": ["10.0.0.1:50051"]}],
        "cluster_statuses": [{"name": "greeter", "hosts": [{"address": "10.0.0.1:50051", "cx_connect_fail": 3}]}],
        "stats": {"cluster.greeter.upstream_cx_total": 5},
    })

Keys: `listeners`, `clusters`, `routes`, `endpoints`, `secrets` (raw messages, in force), `dynamic_listeners`,
`warming_clusters` (items of the dump as they are), `bootstrap`, `cluster_statuses`, `stats`, `certs`, `server_info`,
`read_at`, `expected` (by a cluster's objects), and `missing: [stats]` for endpoints that do not answer. An endpoint
that is not named answers with nothing to say, so that an absent cluster does not exist.

Short: a listener's `port`, `http` (the connection manager's fields; `routes` in it makes one virtual host for `*`,
`virtual_hosts` several), `tcp` (a cluster's name), `tls` (`alpn`, `client_certificates`); a cluster's `http` ("h2",
"http/1.1", "same-as-client", "by-alpn", "h3"), `tls` (an UpstreamTlsContext, or true), `endpoints` (addresses).
"""

from __future__ import annotations

from typing import Any

from grpcdoctor.envoy.answers import Answers
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.expected import Expected

Json = dict[str, Any]

_TYPE = "type.googleapis.com/envoy.extensions"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_VERSIONS: dict[str, Json] = {
    "h2": {"explicit_http_config": {"http2_protocol_options": {}}},
    "http/1.1": {"explicit_http_config": {"http_protocol_options": {}}},
    "h3": {"explicit_http_config": {"http3_protocol_options": {}}},
    "same-as-client": {"use_downstream_protocol_config": {"http2_protocol_options": {}}},
    "by-alpn": {"auto_config": {}},
}
READ_AT = "2026-11-25T00:00:00+00:00"
_KEYS = {
    "listeners", "clusters", "routes", "endpoints", "secrets", "dynamic_listeners", "warming_clusters", "bootstrap",
    "cluster_statuses", "stats", "certs", "server_info", "read_at", "missing", "expected",
}  # fmt: skip


def proxy_of(data: Json) -> Proxy:
    """The Envoy that says all this."""
    unknown = set(data) - _KEYS
    assert not unknown, unknown
    missing = data.get("missing", [])
    answers: Json = {
        "sections": {} if "config_dump" in missing else _sections(data),
        "clusters": tuple(_status(item) for item in data.get("cluster_statuses", [])),
        "listeners": (),
        "stats": data.get("stats", {}),
        "certs": tuple(data.get("certs", [])),
        "server_info": data.get("server_info", {"version": "0/1.40.0/Clean/RELEASE/BoringSSL", "state": "LIVE"}),
    }
    kept = {name: value for name, value in answers.items() if name not in missing}
    expected = [Expected(**item) for item in data.get("expected", [])]
    return Proxy(Answers(**kept), "test", read_at=data.get("read_at", READ_AT), expected=expected)


def _sections(data: Json) -> dict[str, Json]:
    serving = [listener(item) for item in data.get("listeners", [])]
    active = [{"name": item.get("name"), "active_state": {"listener": item}} for item in serving]
    return {
        "bootstrap": {"bootstrap": data.get("bootstrap", {})},
        "listeners": {"dynamic_listeners": [*active, *data.get("dynamic_listeners", [])]},
        "clusters": {
            "dynamic_active_clusters": [{"cluster": cluster(item)} for item in data.get("clusters", [])],
            "dynamic_warming_clusters": [{"cluster": cluster(item)} for item in data.get("warming_clusters", [])],
        },
        "routes": {"dynamic_route_configs": [{"route_config": item} for item in data.get("routes", [])]},
        "endpoints": {"dynamic_endpoint_configs": [{"endpoint_config": item} for item in data.get("endpoints", [])]},
        "secrets": {"dynamic_active_secrets": data.get("secrets", [])},
    }


def listener(short: Json) -> Json:
    """A listener, its short ways written out."""
    item = dict(short)
    port, http, tcp, tls = (item.pop(name, None) for name in ("port", "http", "tcp", "tls"))
    item.setdefault("address", {"socket_address": {"address": "0.0.0.0", "port_value": port or 8080}})
    if http is not None or tcp is not None:
        item["filter_chains"] = [chain(http, tcp, tls), *item.get("filter_chains", [])]
    return item


def chain(http: Json | None = None, tcp: str | None = None, tls: Json | None = None, **match: Any) -> Json:
    """A filter chain; `match` are fields of its filter_chain_match."""
    found: Json = {"filters": [manager(http) if http is not None else tcp_proxy(tcp or "nowhere")]}
    if tls is not None:
        found["transport_socket"] = downstream_tls(**tls)
    if match:
        found["filter_chain_match"] = match
    return found


def manager(short: Json) -> Json:
    """An HTTP connection manager as a network filter."""
    http = {"stat_prefix": "web", **short}
    routes, hosts = http.pop("routes", None), http.pop("virtual_hosts", None)
    if routes is not None or hosts is not None:
        hosts = hosts or [{"name": "all", "domains": ["*"], "routes": routes}]
        http["route_config"] = {"name": "local", "virtual_hosts": hosts}
    typed = {"@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager", **http}
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": typed}


def tcp_proxy(cluster_name: str) -> Json:
    typed = {"@type": f"{_TYPE}.filters.network.tcp_proxy.v3.TcpProxy", "cluster": cluster_name, "stat_prefix": "tcp"}
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": typed}


def http_filter(name: str, message: str, **config: Any) -> Json:
    """`http_filter("fault", "HTTPFault", abort={…})`."""
    typed = {"@type": f"{_TYPE}.filters.http.{name}.v3.{message}", **config}
    return {"name": f"envoy.filters.http.{name}", "typed_config": typed}


def downstream_tls(alpn: list[str] | None = None, client_certificates: bool = False) -> Json:
    typed = {
        "@type": f"{_TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"alpn_protocols": alpn or []},
        "require_client_certificate": client_certificates,
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed}


def cluster(short: Json) -> Json:
    """A cluster, its short ways written out."""
    item = dict(short)
    http, tls, endpoints = (item.pop(name, None) for name in ("http", "tls", "endpoints"))
    if http is not None:
        item["typed_extension_protocol_options"] = {_OPTIONS: _VERSIONS[http]}
    if tls:
        item["transport_socket"] = upstream_tls({} if tls is True else tls)
    if endpoints is not None:
        item["load_assignment"] = assignment(item.get("name", ""), endpoints)
    return item


def upstream_tls(context: Json) -> Json:
    typed = {"@type": f"{_TYPE}.transport_sockets.tls.v3.UpstreamTlsContext", **context}
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed}


def assignment(name: str, addresses: list[str]) -> Json:
    """A ClusterLoadAssignment."""
    hosts = [{"endpoint": {"address": address(each)}} for each in addresses]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]}


def address(text: str) -> Json:
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


_COUNTS = ("cx_active", "cx_connect_fail", "cx_total", "rq_active", "rq_error", "rq_success", "rq_timeout", "rq_total")


def _status(short: Json) -> Json:
    item = dict(short)
    hosts = item.pop("hosts", None)
    if hosts is not None:
        item["host_statuses"] = [_host(host) for host in hosts]
    return item


def _host(short: Json) -> Json:
    """`{address: "10.0.0.1:80", failed_outlier_check: true, cx_connect_fail: 3}`."""
    stats = [{"name": name, "value": str(short[name])} for name in _COUNTS if name in short]
    health = {"eds_health_status": "HEALTHY"}
    health |= {name: value for name, value in short.items() if name not in _COUNTS and name != "address"}
    return {"address": address(short["address"]), "stats": stats, "health_status": health}
