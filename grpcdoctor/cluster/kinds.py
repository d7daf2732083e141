"""The kinds of objects that bear on gRPC traffic: what the readers read and the rules look at.

A kind is known by its group and name whatever version it is served at: the fields that rules read are the same in every
version listed. A new kind is one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One resource of the API. `name` is the manifest's `kind`, `plural` the word in the API's path.

    There is one of each (below), compared by identity: every look-up of an object is by its kind.
    """

    group: str
    name: str
    plural: str
    versions: tuple[str, ...]
    """Best first; a server that serves another one is asked for it all the same."""
    namespaced: bool = True

    @property
    def resource(self) -> str:
        """`services`, `virtualservices.networking.istio.io`: as kubectl and RBAC spell it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.versions[0]}" if self.group else self.versions[0]


def _kind(group: str, name: str, *versions: str, namespaced: bool = True) -> Kind:
    return Kind(group, name, _plural(name.lower()), versions, namespaced)


def _plural(word: str) -> str:
    """English's rule, which holds for every kind below."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith("s"):
        return word + "es" if word.endswith("ss") else word
    return word + "s"


SERVICE: Final = _kind("", "Service", "v1")
POD: Final = _kind("", "Pod", "v1")
NAMESPACE: Final = _kind("", "Namespace", "v1", namespaced=False)
CONFIG_MAP: Final = _kind("", "ConfigMap", "v1")
SECRET: Final = _kind("", "Secret", "v1")
NODE: Final = _kind("", "Node", "v1", namespaced=False)

DEPLOYMENT: Final = _kind("apps", "Deployment", "v1")
STATEFUL_SET: Final = _kind("apps", "StatefulSet", "v1")
DAEMON_SET: Final = _kind("apps", "DaemonSet", "v1")
ROLLOUT: Final = _kind("argoproj.io", "Rollout", "v1alpha1")

ENDPOINT_SLICE: Final = _kind("discovery.k8s.io", "EndpointSlice", "v1")
INGRESS: Final = _kind("networking.k8s.io", "Ingress", "v1")
INGRESS_CLASS: Final = _kind("networking.k8s.io", "IngressClass", "v1", namespaced=False)
NETWORK_POLICY: Final = _kind("networking.k8s.io", "NetworkPolicy", "v1")

_ISTIO: Final = ("v1", "v1beta1", "v1alpha3")
ISTIO_GATEWAY: Final = _kind("networking.istio.io", "Gateway", *_ISTIO)
VIRTUAL_SERVICE: Final = _kind("networking.istio.io", "VirtualService", *_ISTIO)
DESTINATION_RULE: Final = _kind("networking.istio.io", "DestinationRule", *_ISTIO)
SERVICE_ENTRY: Final = _kind("networking.istio.io", "ServiceEntry", *_ISTIO)
SIDECAR: Final = _kind("networking.istio.io", "Sidecar", *_ISTIO)
WORKLOAD_ENTRY: Final = _kind("networking.istio.io", "WorkloadEntry", *_ISTIO)
ENVOY_FILTER: Final = _kind("networking.istio.io", "EnvoyFilter", "v1alpha3")
PROXY_CONFIG: Final = _kind("networking.istio.io", "ProxyConfig", "v1beta1")
AUTHORIZATION_POLICY: Final = _kind("security.istio.io", "AuthorizationPolicy", "v1", "v1beta1")
PEER_AUTHENTICATION: Final = _kind("security.istio.io", "PeerAuthentication", "v1", "v1beta1")
REQUEST_AUTHENTICATION: Final = _kind("security.istio.io", "RequestAuthentication", "v1", "v1beta1")
TELEMETRY: Final = _kind("telemetry.istio.io", "Telemetry", "v1", "v1alpha1")

_GATEWAY_API: Final = "gateway.networking.k8s.io"
GATEWAY_CLASS: Final = _kind(_GATEWAY_API, "GatewayClass", "v1", "v1beta1", namespaced=False)
GATEWAY: Final = _kind(_GATEWAY_API, "Gateway", "v1", "v1beta1")
HTTP_ROUTE: Final = _kind(_GATEWAY_API, "HTTPRoute", "v1", "v1beta1")
GRPC_ROUTE: Final = _kind(_GATEWAY_API, "GRPCRoute", "v1", "v1alpha2")
TLS_ROUTE: Final = _kind(_GATEWAY_API, "TLSRoute", "v1", "v1alpha3", "v1alpha2")
REFERENCE_GRANT: Final = _kind(_GATEWAY_API, "ReferenceGrant", "v1", "v1beta1", "v1alpha2")
BACKEND_TLS_POLICY: Final = _kind(_GATEWAY_API, "BackendTLSPolicy", "v1", "v1alpha3", "v1alpha2")

TRAEFIK_INGRESS_ROUTE: Final = _kind("traefik.io", "IngressRoute", "v1alpha1")
TRAEFIK_SERVERS_TRANSPORT: Final = _kind("traefik.io", "ServersTransport", "v1alpha1")
CONTOUR_HTTP_PROXY: Final = _kind("projectcontour.io", "HTTPProxy", "v1")
EMISSARY_MAPPING: Final = _kind("getambassador.io", "Mapping", "v3alpha1", "v2")
EMISSARY_MODULE: Final = _kind("getambassador.io", "Module", "v3alpha1", "v2")
NGINX_VIRTUAL_SERVER: Final = _kind("k8s.nginx.org", "VirtualServer", "v1")
ENVOY_GATEWAY_BACKEND: Final = _kind("gateway.envoyproxy.io", "Backend", "v1alpha1")
BACKEND_TRAFFIC_POLICY: Final = _kind("gateway.envoyproxy.io", "BackendTrafficPolicy", "v1alpha1")
CONSUL_SERVICE_DEFAULTS: Final = _kind("consul.hashicorp.com", "ServiceDefaults", "v1alpha1")
CONSUL_PROXY_DEFAULTS: Final = _kind("consul.hashicorp.com", "ProxyDefaults", "v1alpha1")
LINKERD_SERVER: Final = _kind("policy.linkerd.io", "Server", "v1beta3", "v1beta2", "v1beta1")
LINKERD_SERVICE_PROFILE: Final = _kind("linkerd.io", "ServiceProfile", "v1alpha2")
GKE_BACKEND_CONFIG: Final = _kind("cloud.google.com", "BackendConfig", "v1")
GKE_HEALTH_CHECK_POLICY: Final = _kind("networking.gke.io", "HealthCheckPolicy", "v1")

KINDS: Final[tuple[Kind, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Kind))

# Groups that were renamed, with objects of the old name still about.
RENAMED_GROUPS: Final = {
    "traefik.containo.us": "traefik.io",
    "extensions": "networking.k8s.io",
    "networking.x-k8s.io": _GATEWAY_API,
}

_BY_NAME: Final = {(kind.group, kind.name): kind for kind in KINDS}


def kind_of(api_version: str, name: str) -> Kind | None:
    """The kind of an object with this `apiVersion` and `kind`, or None where no rule looks at such objects."""
    group, slash, _ = api_version.rpartition("/")
    group = RENAMED_GROUPS.get(group, group)
    return _BY_NAME.get((group if slash else "", name))
