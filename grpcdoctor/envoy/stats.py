"""Stats: counters and gauges, looked up by what they count, in whatever way Prometheus and Istio spell them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

# `cluster.<name>.<what>`: a cluster's name may hold dots, so the split is where a known word begins. Istio ends the
# name with a semicolon. Envoy writes a colon in a name as an underscore.
_SCOPED: Final = re.compile(
    r"cluster\.(.+?);?\.("
    r"(?:assignment_|bind_errors|canary|circuit_breakers|client_ssl_socket_factory|default|external|grpc|health_check|"
    r"http1|http2|http3|init_fetch_timeout|internal|lb_|max_host_weight|membership_|original_dst_|outlier_detection|"
    r"retry_|ring_hash_lb|maglev_lb|ssl|tlsMode|update_|upstream_|version|warming_state|zone|observability_name)"
    r".*)"
)
_HTTP: Final = re.compile(
    r"http\.(.+?);?\.((?:downstream_|no_route|no_cluster|rq_|rs_too|passthrough_|tracing|rds|fault|ext_authz|"
    r"grpc_web|rbac|cors|jwt_authn|user_agent|conn).*)"
)
_RATE_LIMIT: Final = re.compile(r"(.+)\.http_local_rate_limit\.enforced")
_REJECTED: Final = re.compile(
    r"(?:(?P<manager>listener_manager\.lds|cluster_manager\.cds)"
    r"|http[._](?P<http>.+?)[._](?P<kind>rds|scoped_rds|srds)[._](?P<name>.+)"
    r"|cluster[._](?P<cluster>.+)"
    r"|(?P<other>.+))[._]update_rejected"
)
UNDERFLOW: Final = 2**63
"""A gauge that was decremented once too often counts down from 2^64."""


class Stats:
    """All numbers of one Envoy. A number that is not here was never counted, or is hidden (`hidden`)."""

    def __init__(self, values: Mapping[str, int | str] | None, hidden: bool = False) -> None:
        self.given = values is not None
        """False: /stats did not answer."""
        self.hidden = hidden
        """The bootstrap leaves some out (Istio does): an absent one is no zero."""
        self._values: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        for name, value in (values or {}).items():
            if isinstance(value, int):
                self._values[name] = 0 if value >= UNDERFLOW else value
            else:
                self.texts[name] = value
        self._scopes: dict[str, dict[str, dict[str, int]]] = {"cluster": {}, "http": {}}
        for name, number in self._values.items():
            self._sort_in(name, number)

    def _sort_in(self, name: str, number: int) -> None:
        pattern = _SCOPED if name.startswith("cluster.") else _HTTP if name.startswith("http.") else None
        match = pattern.fullmatch(name) if pattern is not None else None
        if match is not None:
            scope = self._scopes["cluster" if pattern is _SCOPED else "http"]
            scope.setdefault(_plain(match[1]), {})[_plain(match[2])] = number

    def value(self, name: str) -> int | None:
        """Of one that belongs to no cluster and no listener: `server.uptime`."""
        return self._values.get(name, self._values.get(_flattened(name)))

    def cluster(self, name: str, what: str) -> int:
        """`cluster("grpc", "ssl.connection_error")`; 0 where it was never counted (or is hidden)."""
        return self.of_cluster(name).get(_plain(what), 0)

    def of_cluster(self, name: str) -> Mapping[str, int]:
        """Everything counted of a cluster (by its `alt_stat_name`, where it has one); names with underscores."""
        return self._scopes["cluster"].get(_plain(name), {})

    def http(self, prefix: str, what: str) -> int:
        """Of an HTTP connection manager, by its stat_prefix: `http("ingress_http", "no_route")`."""
        return self.of_http(prefix).get(_plain(what), 0)

    def of_http(self, prefix: str) -> Mapping[str, int]:
        return self._scopes["http"].get(_plain(prefix), {})

    def local_rate_limited(self) -> Iterator[tuple[str, int]]:
        """(stat_prefix, how many requests it refused) of every local rate limit."""
        for name, number in self._values.items():
            match = _RATE_LIMIT.fullmatch(name)
            if match is not None and number:
                yield match[1], number

    def rejected_updates(self) -> Iterator[tuple[str, str, int]]:
        """(what: "listener", "cluster", "route configuration", "endpoints"; its name, if told; how often)."""
        for name, number in self._values.items():
            if number and name.endswith("update_rejected"):
                match = _REJECTED.fullmatch(name)
                if match is not None:
                    yield (*_rejected(match), number)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._values)


def _rejected(match: re.Match[str]) -> tuple[str, str]:
    if match["manager"]:
        return ("listener" if match["manager"].startswith("listener") else "cluster"), ""
    if match["kind"]:
        return "route configuration", match["name"]
    if match["cluster"]:
        return "endpoints", match["cluster"].rstrip(";")
    return "configuration", match["other"]


def _plain(name: str) -> str:
    """As Prometheus and Envoy itself flatten names: what is no letter and no digit is an underscore."""
    return name.replace(".", "_").replace(":", "_").rstrip(";")


def _flattened(name: str) -> str:
    """`server.uptime` stays, `listener_manager.lds.update_rejected` is `listener_manager.lds_update_rejected` there."""
    scope, dot, rest = name.partition(".")
    return scope + dot + rest.replace(".", "_")
