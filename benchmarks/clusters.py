"""Makes clusters of any size that look like real ones, with known faults planted; pure, and the same for every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

SERVICES_A_NAMESPACE = 50
PODS_A_SERVICE = 3
SLICES_A_SERVICE = 2
# Every so many services one has a fault, a different one each time.
FAULT_EVERY = 40
DOMAIN = "example.com"

Raw = dict[str, Any]


@dataclass(frozen=True)
class Planted:
    """A fault that a rule must find on an object."""

    rule: str
    subject: str
    """`Kind namespace/name`."""


@dataclass
class App:
    """One service with all that belongs to it, before it is written down."""

    index: int
    grpc: bool
    port_name: str = ""
    selector: dict[str, str] = field(default_factory=dict)
    route_host: str = ""
    route_port: int = 0
    route: Raw = field(default_factory=dict)
    policy: Raw = field(default_factory=dict)
    subsets: list[Raw] = field(default_factory=list)
    gateway: bool = False
    pod: Raw = field(default_factory=dict)
    ready: bool = True

    @property
    def name(self) -> str:
        return f"app-{self.index}"

    @property
    def namespace(self) -> str:
        return f"team-{self.index // SERVICES_A_NAMESPACE}"

    @property
    def port(self) -> int:
        return 50051 if self.grpc else 8080

    @property
    def has_route(self) -> bool:
        return self.index % 2 == 0


def make(services: int, faults: bool = True) -> tuple[list[Raw], list[Planted]]:
    """(objects, the faults among them): n Services, n/2 VirtualServices, n/2 DestinationRules, 3n Pods, 2n slices."""
    objects: list[Raw] = [*_mesh(), *(_namespace(f"team-{n}") for n in range(-(-services // SERVICES_A_NAMESPACE)))]
    planted: list[Planted] = []
    kinds = list(FAULTS.items())
    for index in range(services):
        app = _app(index)
        # Even ones only: those have a route and a policy that a fault can be in.
        if faults and index % FAULT_EVERY == 0:
            rule, (kind, plant) = kinds[index // FAULT_EVERY % len(kinds)]
            plant(app)
            planted.append(Planted(rule, f"{kind} {app.namespace}/{app.name}"))
        objects += _written(app)
    return objects, planted


def _app(index: int) -> App:
    app = App(index, grpc=index % 4 in (0, 1), gateway=index % 8 == 0)
    app.port_name = "grpc-api" if app.grpc else "http-web"
    app.selector = {"app": app.name}
    app.route_host, app.route_port = app.name, app.port
    app.subsets = [{"name": "v1", "labels": {"version": "v1"}}]
    return app


def _misname(app: App) -> None:
    app.port_name = "http-api"


def _mislabel(app: App) -> None:
    app.selector = {"app": app.name + "-old"}


def _misroute(app: App) -> None:
    app.route_host = app.name + "-gone"


def _misport(app: App) -> None:
    app.route_port = 50052


def _unsubset(app: App) -> None:
    app.route["subset"] = "v2"


def _plaintext(app: App) -> None:
    app.policy["tls"] = {"mode": "DISABLE"}


def _fault(app: App) -> None:
    app.route["fault"] = {"abort": {"percentage": {"value": 100}, "grpcStatus": "UNAVAILABLE"}}


def _rewrite(app: App) -> None:
    app.route["rewrite"] = {"uri": "/v1/"}


def _tiny_pool(app: App) -> None:
    app.policy["connectionPool"] = {"http": {"http2MaxRequests": 1}}


def _unready(app: App) -> None:
    app.ready = False


FAULTS: dict[str, tuple[str, Callable[[App], None]]] = {
    "service-port-not-http2": ("Service", _misname),
    "service-selector-empty": ("Service", _mislabel),
    "route-destination-missing": ("VirtualService", _misroute),
    "route-port-missing": ("VirtualService", _misport),
    "route-subset-missing": ("VirtualService", _unsubset),
    "destination-tls-mismatch": ("DestinationRule", _plaintext),
    "fault-left-active": ("VirtualService", _fault),
    "route-rewrites-path": ("VirtualService", _rewrite),
    "connection-pool-too-small": ("DestinationRule", _tiny_pool),
    "service-no-ready-endpoints": ("Service", _unready),
}


def _written(app: App) -> Iterator[Raw]:
    yield _service(app)
    yield from (_pod(app, number) for number in range(PODS_A_SERVICE))
    yield from (_slice(app, number) for number in range(SLICES_A_SERVICE))
    if app.has_route:
        yield _virtual_service(app)
        yield _destination_rule(app)


def _meta(name: str, namespace: str = "", **more: Any) -> Raw:
    uid = f"{namespace}-{name}"
    found = {"name": name, "uid": uid, "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z", **more}
    return {**found, "namespace": namespace} if namespace else found


def _service(app: App) -> Raw:
    port = {"name": app.port_name, "port": app.port, "targetPort": app.port, "protocol": "TCP"}
    spec = {"type": "ClusterIP", "clusterIP": "10.0.0.1", "selector": app.selector, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(app.name, app.namespace), "spec": spec}


def _pod(app: App, number: int) -> Raw:
    probe = {"grpc": {"port": app.port}} if app.grpc else {"httpGet": {"path": "/healthz", "port": app.port}}
    container = {
        "name": "app",
        "image": f"registry.example.com/{app.name}:1.0",
        "ports": [{"containerPort": app.port, "name": "grpc" if app.grpc else "http"}],
        "readinessProbe": probe,
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
    }
    labels = {"app": app.name, "version": "v1"}
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{app.name}-6d4cf56db6", "controller": True}]
    ready = "True" if app.ready else "False"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(f"{app.name}-6d4cf56db6-{number}", app.namespace, labels=labels, ownerReferences=owners),
        "spec": {"containers": [container, {"name": "istio-proxy", "image": "proxyv2"}], "nodeName": f"node-{number}",
                 "terminationGracePeriodSeconds": 30},
        "status": {"phase": "Running", "podIP": "10.1.0.1", "conditions": [{"type": "Ready", "status": ready}]},
    }  # fmt: skip


def _slice(app: App, number: int) -> Raw:
    pods = range(number, PODS_A_SERVICE, SLICES_A_SERVICE) if app.selector["app"] == app.name else ()
    endpoints = [
        {"addresses": ["10.1.0.1"], "conditions": {"ready": app.ready},
         "targetRef": {"kind": "Pod", "name": f"{app.name}-6d4cf56db6-{pod}"}}
        for pod in pods
    ]  # fmt: skip
    labels = {"kubernetes.io/service-name": app.name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta(f"{app.name}-{number}", app.namespace, labels=labels),
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": app.port_name, "port": app.port}],
    }


def _virtual_service(app: App) -> Raw:
    subset = {"subset": app.route.pop("subset")} if "subset" in app.route else {"subset": "v1"}
    to = {"host": app.route_host, "port": {"number": app.route_port}, **subset}
    if app.route_host != app.name:
        del to["subset"]
    route: Raw = {"route": [{"destination": to}], **app.route}
    if app.grpc:
        route["retries"] = {"attempts": 0}
    own = f"{app.name}.{app.namespace}.svc.cluster.local"
    spec: Raw = {"hosts": [own], "http": [route]}
    if app.gateway:
        spec = {"hosts": [f"{app.name}.{DOMAIN}"], "gateways": ["istio-system/public"], "http": [route]}
    meta = _meta(app.name, app.namespace)
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}


def _destination_rule(app: App) -> Raw:
    host = f"{app.name}.{app.namespace}.svc.cluster.local"
    spec: Raw = {"host": host, "subsets": app.subsets}
    if app.policy:
        spec["trafficPolicy"] = app.policy
    meta = _meta(app.name, app.namespace)
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": meta, "spec": spec}


def _namespace(name: str) -> Raw:
    meta = _meta(name, labels={"istio-injection": "enabled", "kubernetes.io/metadata.name": name})
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _mesh() -> Iterator[Raw]:
    """istio-system: a gateway with a certificate, and STRICT mTLS for the whole mesh."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": _meta("istio-system")}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta("istio", "istio-system"),
           "data": {"mesh": "rootNamespace: istio-system\ndefaultHttpRetryPolicy: {attempts: 0}\n"}}  # fmt: skip
    yield {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
           "metadata": _meta("default", "istio-system"), "spec": {"mtls": {"mode": "STRICT"}}}  # fmt: skip
    labels = {"istio": "ingressgateway"}
    ports = [{"name": "http2", "port": 80, "targetPort": 8080}, {"name": "https", "port": 443, "targetPort": 8443}]
    yield {"apiVersion": "v1", "kind": "Service", "metadata": _meta("istio-ingressgateway", "istio-system"),
           "spec": {"type": "LoadBalancer", "selector": labels, "ports": ports},
           "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}}  # fmt: skip
    yield {"apiVersion": "v1", "kind": "Pod",
           "metadata": _meta("istio-ingressgateway-1", "istio-system", labels=labels),
           "spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "router"], "image": "proxyv2"}]},
           "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}  # fmt: skip
    yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
           "metadata": _meta("istio-ingressgateway-1", "istio-system",
                             labels={"kubernetes.io/service-name": "istio-ingressgateway"}),
           "endpoints": [{"addresses": ["10.1.0.9"], "conditions": {"ready": True}}]}  # fmt: skip
    certificate = {"subject": f"CN=*.{DOMAIN}", "issuer": "CN=ca", "names": [f"*.{DOMAIN}"], "key_match": True,
                   "not_before": "2026-01-01T00:00:00Z", "not_after": "2099-01-01T00:00:00Z", "error": None,
                   "fingerprint": "00"}  # fmt: skip
    yield {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": _meta("tls", "istio-system"),
           "keys": ["tls.crt", "tls.key"], "certificates": {"tls.crt": [certificate]}}  # fmt: skip
    server = {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": [f"*/*.{DOMAIN}"],
              "tls": {"mode": "SIMPLE", "credentialName": "tls"}}  # fmt: skip
    yield {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": _meta("public", "istio-system"),
           "spec": {"selector": labels, "servers": [server]}}  # fmt: skip
