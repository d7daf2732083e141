"""Istio's Gateways: their servers, the pods that they select, and which VirtualService hosts reach which server.

Source: istio pilot/pkg/model/gateway.go MergeGateways, pilot/pkg/networking/core/gateway.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.cluster.fields import (
    FieldPath,
    flag_at,
    mapping_at,
    mappings_at,
    number_at,
    string_map,
    text_at,
    texts_at,
)
from grpcdoctor.cluster.istio.hosts import covers, overlap
from grpcdoctor.cluster.istio.protocol import Protocol, parse_protocol
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY, Kind
from grpcdoctor.cluster.lazy import lazy
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import SERVICE_KINDS, Service, services_selecting
from grpcdoctor.cluster.snapshot import DEFAULT_ROOT_NAMESPACE, Cluster
from grpcdoctor.cluster.workloads import Workload, workloads

GATEWAY_KINDS: Final[tuple[Kind, ...]] = (ISTIO_GATEWAY, *SERVICE_KINDS)

# `mode` omitted is the API's first value (networking/v1alpha3/gateway.proto ServerTLSSettings.TLSmode).
DEFAULT_TLS_MODE: Final = "PASSTHROUGH"
_PASSING: Final = ("PASSTHROUGH", "AUTO_PASSTHROUGH")
# The selectors of the gateways that Istio's own installation brings.
_USUAL_SELECTORS: Final = ({"istio": "ingressgateway"}, {"istio": "egressgateway"})


@dataclass(frozen=True, eq=False)
class Server:
    """One of a Gateway's `spec.servers`."""

    gateway: Object
    index: int
    raw: dict[str, Any]

    @property
    def path(self) -> FieldPath:
        return ("spec", "servers", self.index)

    @property
    def port(self) -> int | None:
        return number_at(self.raw, "port", "number")

    @property
    def port_name(self) -> str:
        return text_at(self.raw, "port", "name")

    @property
    def protocol_word(self) -> str:
        return text_at(self.raw, "port", "protocol")

    @property
    def protocol(self) -> Protocol:
        return parse_protocol(self.protocol_word)

    @property
    def tls(self) -> dict[str, Any]:
        return mapping_at(self.raw, "tls")

    @property
    def tls_mode(self) -> str:
        """Empty where there is no `tls` block, or it has nothing but httpsRedirect."""
        block = self.tls
        if not block or not set(block) - {"httpsRedirect"}:
            return ""
        return text_at(block, "mode") or DEFAULT_TLS_MODE

    @property
    def redirects_to_https(self) -> bool:
        return flag_at(self.tls, "httpsRedirect") is True

    @property
    def is_passthrough(self) -> bool:
        return self.tls_mode in _PASSING

    @property
    def terminates_tls(self) -> bool:
        return bool(self.tls_mode) and not self.is_passthrough

    @property
    def is_http(self) -> bool:
        """HTTP routes take effect here: a plaintext HTTP protocol, or HTTPS that is terminated."""
        return self.protocol.is_http or (self.protocol is Protocol.HTTPS and not self.is_passthrough)

    @lazy
    def hosts(self) -> tuple[tuple[str, str], ...]:
        """(namespace part, host): `*` where no namespace is written, the Gateway's own for `.`."""
        return tuple(self._split(text) for text in texts_at(self.raw, "hosts"))

    @property
    def bind(self) -> str:
        return text_at(self.raw, "bind")

    def _split(self, text: str) -> tuple[str, str]:
        namespace, slash, host = text.partition("/")
        if not slash:
            return "*", text.lower()
        return (self.gateway.namespace if namespace == "." else namespace), host.lower()

    def host_for(self, host: str, namespace: str) -> str | None:
        """The host of this server that a VirtualService host in `namespace` meets; the narrower of the two."""
        if not host.startswith("*"):
            wanted_in = (*self._exact.get(host, ()), *(space for space, own in self._wide if covers(own, host)))
            return host if any(wanted in ("*", namespace) for wanted in wanted_in) else None
        for wanted, own in self.hosts:
            if wanted in ("*", namespace) and overlap(own, host):
                return host if covers(own, host) else own
        return None


    @lazy
    def _exact(self) -> dict[str, list[str]]:
        """Host -> the namespaces that it is for: a server may have thousands of hosts."""
        found: dict[str, list[str]] = {}
        for namespace, host in self.hosts:
            found.setdefault(host, []).append(namespace)
        return found

    @lazy
    def _wide(self) -> tuple[tuple[str, str], ...]:
        return tuple((namespace, host) for namespace, host in self.hosts if host.startswith("*"))


def servers_of(gateway: Object) -> tuple[Server, ...]:
    return tuple(Server(gateway, index, raw) for index, raw in mappings_at(gateway.raw, "spec", "servers"))


def selector_of(gateway: Object) -> dict[str, str]:
    return string_map(gateway.raw, "spec", "selector")


def pods_of(cluster: Cluster, gateway: Object) -> tuple[Workload, ...]:
    """The workloads that a Gateway selects, in any namespace."""
    cache: dict[int, tuple[Workload, ...]] = cluster.once(_no_pods_yet)
    if id(gateway) not in cache:
        cache[id(gateway)] = workloads(cluster).select_anywhere(selector_of(gateway))
    return cache[id(gateway)]


def namespaces_of(cluster: Cluster, gateway: Object) -> tuple[str, ...]:
    """Where the gateway's pods run, which decides what configuration and Secrets they see.

    Where no pod is shown: istio-system for the selectors of Istio's own installation, else the Gateway's namespace.
    """
    found = tuple(dict.fromkeys(pod.namespace for pod in pods_of(cluster, gateway)))
    if found:
        return found
    return (DEFAULT_ROOT_NAMESPACE if selector_of(gateway) in _USUAL_SELECTORS else gateway.namespace,)


def services_of(cluster: Cluster, gateway: Object) -> tuple[Service, ...]:
    """The Services in front of the gateway's pods."""
    found = (service for pod in pods_of(cluster, gateway) for service in services_selecting(cluster, pod))
    return tuple({id(service): service for service in found}.values())


def _no_pods_yet(_cluster: Cluster) -> dict[int, tuple[Workload, ...]]:
    return {}


def servers_with(cluster: Cluster, gateway: Object, hosts: tuple[str, ...]) -> tuple[Server, ...]:
    """The servers of a Gateway that may have one of these hosts, without a look at each of thousands."""
    index = cluster.once(_by_host).get(id(gateway))
    if index is None or any(host.startswith("*") for host in hosts):
        return index.all if index is not None else servers_of(gateway)
    chosen = {server.index: server for host in hosts for server in index.exact.get(host, ())}
    chosen.update((server.index, server) for server in index.wide)
    return tuple(chosen[number] for number in sorted(chosen))


@dataclass(frozen=True, slots=True)
class _Servers:
    """Those of one Gateway: all, by exact host, and those with a wildcard."""

    all: tuple[Server, ...]
    exact: dict[str, list[Server]]
    wide: tuple[Server, ...]


def _by_host(cluster: Cluster) -> dict[int, _Servers]:
    found: dict[int, _Servers] = {}
    for gateway in cluster.all(ISTIO_GATEWAY):
        exact: dict[str, list[Server]] = {}
        wide: list[Server] = []
        servers = servers_of(gateway)
        for server in servers:
            for _, host in server.hosts:
                (wide if host.startswith("*") else exact.setdefault(host, [])).append(server)
        found[id(gateway)] = _Servers(servers, exact, tuple(wide))
    return found
