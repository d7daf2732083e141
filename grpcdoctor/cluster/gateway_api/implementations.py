"""What each implementation of the Gateway API speaks to a backend: one pure function each.

The API leaves it to `appProtocol` of the Service port (GEP-1911) and, where that is absent, to the implementation.
Sources: contour internal/dag (accessors.go upstreamProtocol, gatewayapi_processor.go setDefaultServiceProtocol);
traefik pkg/provider/kubernetes/gateway (grpcroute.go getGRPCServiceProtocol, httproute.go); envoyproxy/gateway
internal/gatewayapi/route.go; cilium operator/pkg/model/translation/envoy_cluster.go; Kong's ingress controller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import flag_at
from grpcdoctor.cluster.gateway_api.backend_tls import policy_for
from grpcdoctor.cluster.gateway_api.controllers import (
    ALB,
    CILIUM,
    CONTOUR,
    ENVOY_GATEWAY,
    GKE,
    ISTIO,
    KONG,
    NGINX_GATEWAY,
    OTHER,
    TRAEFIK,
)  # fmt: skip
from grpcdoctor.cluster.gateway_api.traffic_policies import traffic_policies_for
from grpcdoctor.cluster.hops import Decision, Spoken, Tls, Upstream
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, upstream_of
from grpcdoctor.cluster.kinds import (
    BACKEND_TLS_POLICY,
    BACKEND_TRAFFIC_POLICY,
    CONFIG_MAP,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    Kind,
)  # fmt: skip
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster

IMPLEMENTATION_KINDS: Final[tuple[Kind, ...]] = (GATEWAY_CLASS, BACKEND_TLS_POLICY, BACKEND_TRAFFIC_POLICY, CONFIG_MAP)

H2C: Final = "kubernetes.io/h2c"


@dataclass(frozen=True, slots=True)
class Hop:
    """From a Gateway to a Service port, by one route."""

    cluster: Cluster
    gateway: Object | None
    route: Object
    port: ServicePort
    over_tls: bool
    """The route is attached to HTTPS listeners only."""

    @property
    def is_grpc_route(self) -> bool:
        return self.route.kind == GRPC_ROUTE

    @property
    def app_protocol(self) -> str:
        return self.port.app_protocol or ""

    def declared(self, spoken: Spoken, effect: str, tls: Tls = Tls.NONE) -> Upstream:
        """appProtocol decided."""
        path = (*self.port.path, "appProtocol")
        decision = Decision.at(self.port.service.object, path, self.app_protocol, effect)
        return Upstream(spoken, decision, tls, decision if tls.is_on else None)

    def by_route(self, spoken: Spoken, who: str, effect: str, tls: Tls = Tls.NONE) -> Upstream:
        """The kind of the route decided, with nothing declared on the port."""
        reason = f"{self.route.title} is a {self.route.kind.name}, and {who} {effect}"
        decision = Decision(self.route, ("kind",), self.route.kind.name, reason)
        return Upstream(spoken, decision, tls, decision if tls.is_on else None)

    def annotated(self, name: str, spoken: Spoken, effect: str, tls: Tls = Tls.NONE) -> Upstream:
        item = self.port.service.object
        decision = Decision.at(item, ("metadata", "annotations", name), item.annotations.get(name, ""), effect)
        return Upstream(spoken, decision, tls, decision if tls.is_on else None)


def upstream_for(implementation: str, hop: Hop) -> Upstream:
    return _FUNCTIONS[implementation](hop)


# appProtocol -> accepted by the implementation for this kind of route; any other value: ResolvedRefs=False.
_ACCEPTED: Final = {
    (CONTOUR, GRPC_ROUTE.name): ("kubernetes.io/h2c", "kubernetes.io/ws", "http", "https"),
    (CONTOUR, HTTP_ROUTE.name): ("kubernetes.io/h2c", "kubernetes.io/ws", "http", "https"),
    (TRAEFIK, GRPC_ROUTE.name): ("kubernetes.io/h2c", "https"),
    (TRAEFIK, HTTP_ROUTE.name): ("kubernetes.io/h2c", "http", "https", "kubernetes.io/ws", "kubernetes.io/wss"),
}


def refuses(implementation: str, hop: Hop) -> bool:
    """The implementation does not know this appProtocol and serves no such backend (reason UnsupportedProtocol)."""
    accepted = _ACCEPTED.get((implementation, hop.route.kind.name))
    if accepted is None or not hop.app_protocol or hop.app_protocol in accepted:
        return False
    return implementation != TRAEFIK or policy_for(hop.cluster, hop.port) is None


def _refused(hop: Hop) -> Upstream:
    return hop.declared(Spoken.UNKNOWN, "is not supported: the route gets ResolvedRefs=False", Tls.UNKNOWN)


def _with_policy(hop: Hop, spoken: Spoken) -> Upstream | None:
    """TLS by a BackendTLSPolicy, with HTTP/2 by ALPN where `spoken` says so."""
    target = policy_for(hop.cluster, hop.port)
    if target is None:
        return None
    decision = Decision(target.policy, target.path, "", f"{target.policy.title} has TLS spoken to the pods")
    return Upstream(spoken, decision, Tls.SIMPLE, decision)


def _istio(hop: Hop) -> Upstream:
    namespace = hop.gateway.namespace if hop.gateway is not None else hop.route.namespace
    service = hop.port.service
    found = upstream_of(hop.cluster, Client(ClientKind.GATEWAY, namespace), hop.port, service.full_host)
    secured = _with_policy(hop, found.spoken)
    return Upstream(found.spoken, found.decision, secured.tls, secured.tls_decision) if secured else found


def _contour(hop: Hop) -> Upstream:
    if refuses(CONTOUR, hop):
        return _refused(hop)
    if hop.app_protocol == H2C:
        return hop.declared(Spoken.H2, "selects HTTP/2 in plaintext")
    if hop.app_protocol == "https":
        return hop.declared(Spoken.HTTP1, "selects TLS without HTTP/2", Tls.SIMPLE)
    if not hop.app_protocol:
        for word, spoken, tls in (("h2c", Spoken.H2, Tls.NONE), ("h2", Spoken.H2, Tls.SIMPLE),
                                  ("tls", Spoken.HTTP1, Tls.SIMPLE)):  # fmt: skip
            name = f"projectcontour.io/upstream-protocol.{word}"
            listed = [part.strip() for part in hop.port.service.object.annotations.get(name, "").split(",")]
            if str(hop.port.number) in listed or (hop.port.name and hop.port.name in listed):
                return hop.annotated(name, spoken, f"selects {word}", tls)
    if not hop.is_grpc_route:
        return _http1_by_default("Contour")
    if hop.over_tls:
        effect = "speaks HTTP/2 over TLS to its backends, because the listener is HTTPS"
        return hop.by_route(Spoken.H2, "Contour", effect, Tls.SIMPLE)
    return hop.by_route(Spoken.H2, "Contour", "speaks HTTP/2 in plaintext to its backends")


def _traefik(hop: Hop) -> Upstream:
    secured = _with_policy(hop, Spoken.H2)
    if secured is not None:
        return secured
    if refuses(TRAEFIK, hop):
        return _refused(hop)
    if hop.app_protocol == H2C:
        return hop.declared(Spoken.H2, "selects HTTP/2 in plaintext")
    if hop.app_protocol == "https":
        return hop.declared(Spoken.H2, "selects TLS, with HTTP/2 by ALPN", Tls.SIMPLE)
    if hop.is_grpc_route:
        return hop.by_route(Spoken.H2, "Traefik", "speaks HTTP/2 in plaintext to its backends")
    if not hop.app_protocol and (hop.port.number == 443 or hop.port.name.startswith("https")):
        text = f"{hop.port.title} has the number or the name of HTTPS, for which Traefik speaks TLS"
        decision = Decision(hop.port.service.object, (*hop.port.path, "name"), hop.port.name, text)
        return Upstream(Spoken.H2, decision, Tls.SIMPLE, decision)
    return _http1_by_default("Traefik")


def _envoy_gateway(hop: Hop) -> Upstream:
    secured = _with_policy(hop, Spoken.H2)
    if secured is not None:
        return secured
    if hop.is_grpc_route:
        return hop.by_route(Spoken.H2, "Envoy Gateway", "speaks HTTP/2 to its backends")
    if hop.app_protocol in (H2C, "grpc"):
        return hop.declared(Spoken.H2, "selects HTTP/2")
    for policy in traffic_policies_for(hop.cluster, hop.route, hop.gateway):
        if flag_at(policy.raw, "spec", "useClientProtocol"):
            path = ("spec", "useClientProtocol")
            decision = Decision.at(policy, path, "true", "has the client's HTTP version used")
            return Upstream(Spoken.SAME, decision, Tls.NONE)
    return _http1_by_default("Envoy Gateway")


def _cilium(hop: Hop) -> Upstream:
    if hop.is_grpc_route:
        return hop.by_route(Spoken.H2, "Cilium", "speaks HTTP/2 to its backends")
    config = cilium_config(hop.cluster)
    if config is None or not flag_at(config.raw, "data", CILIUM_APP_PROTOCOL):
        reason = "Cilium speaks to the backend what the client spoke, unless it is told to go by appProtocol"
        return Upstream(Spoken.SAME, Decision(None, (), "", reason), Tls.NONE)
    if hop.app_protocol == H2C:
        return hop.declared(Spoken.H2, "selects HTTP/2")
    path = ("data", CILIUM_APP_PROTOCOL)
    effect = "has HTTP/1.1 spoken to every port without appProtocol: kubernetes.io/h2c"
    return Upstream(Spoken.HTTP1, Decision.at(config, path, "true", effect), Tls.NONE)


CILIUM_APP_PROTOCOL: Final = "enable-gateway-api-app-protocol"


def cilium_config(cluster: Cluster) -> Object | None:
    return cluster.get(CONFIG_MAP, "kube-system", "cilium-config")


def _nginx(hop: Hop) -> Upstream:
    if hop.is_grpc_route:
        found = hop.by_route(Spoken.H2, "NGINX Gateway Fabric", "speaks gRPC to its backends")
    elif hop.app_protocol == H2C:
        found = hop.declared(Spoken.H2, "selects HTTP/2")
    else:
        found = _http1_by_default("NGINX Gateway Fabric")
    secured = _with_policy(hop, found.spoken)
    return Upstream(found.spoken, found.decision, secured.tls, secured.tls_decision) if secured else found


KONG_PROTOCOL: Final = "konghq.com/protocol"


def _kong(hop: Hop) -> Upstream:
    word = hop.port.service.object.annotations.get(KONG_PROTOCOL, "").lower()
    if word in ("grpc", "grpcs", "http", "https"):
        spoken = Spoken.H2 if word.startswith("grpc") else Spoken.HTTP1
        tls = Tls.SIMPLE if word.endswith("s") else Tls.NONE
        return hop.annotated(KONG_PROTOCOL, spoken, f"selects {word}", tls)
    if not hop.is_grpc_route:
        return _http1_by_default("Kong")
    if hop.over_tls:
        effect = "speaks gRPC over TLS to its backends, because its listeners are HTTPS only"
        return hop.by_route(Spoken.H2, "Kong", effect, Tls.SIMPLE)
    return hop.by_route(Spoken.H2, "Kong", "speaks gRPC in plaintext to its backends")


def _alb(hop: Hop) -> Upstream:
    who = "the AWS Load Balancer Controller"
    if not hop.is_grpc_route:
        reason = f"{who} takes the target group's protocol version from a TargetGroupConfiguration"
        return Upstream(Spoken.UNKNOWN, Decision(None, (), "", reason))
    if hop.over_tls:
        return hop.by_route(Spoken.H2, who, "makes a target group for gRPC", Tls.NONE)
    effect = "makes a target group for HTTP/1.1, because the listener is not HTTPS"
    return hop.by_route(Spoken.HTTP1, who, effect, Tls.NONE)


def _gke(hop: Hop) -> Upstream:
    if hop.app_protocol == "HTTP2":
        return hop.declared(Spoken.H2, "selects HTTP/2 over TLS", Tls.SIMPLE)
    if hop.app_protocol == H2C:
        return hop.declared(Spoken.H2, "selects HTTP/2 in plaintext")
    if hop.app_protocol == "HTTPS":
        return hop.declared(Spoken.HTTP1, "selects HTTP/1.1 over TLS", Tls.SIMPLE)
    return _http1_by_default("GKE's load balancer")


def _other(hop: Hop) -> Upstream:
    if hop.app_protocol == H2C:
        return hop.declared(Spoken.H2, "selects HTTP/2")
    if hop.is_grpc_route:
        return hop.by_route(Spoken.H2, "its implementation", "is to speak HTTP/2 to its backends", Tls.UNKNOWN)
    return Upstream(Spoken.UNKNOWN, Decision(None, (), "", "the Gateway's implementation is not known"))


def _http1_by_default(who: str) -> Upstream:
    return Upstream(Spoken.HTTP1, Decision.by_default(who, "speaks HTTP/1.1 to the backends of an HTTPRoute"), Tls.NONE)


_FUNCTIONS: Final[dict[str, Callable[[Hop], Upstream]]] = {
    ISTIO: _istio, CONTOUR: _contour, TRAEFIK: _traefik, ENVOY_GATEWAY: _envoy_gateway, CILIUM: _cilium,
    NGINX_GATEWAY: _nginx, KONG: _kong, ALB: _alb, GKE: _gke, OTHER: _other,
}  # fmt: skip
