"""What the rules about the proxy's backend share: commands, names of proxies, fixes that fit the proxy seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from grpcdoctor.checks.grpc._effect import Effect
from grpcdoctor.checks.grpc._kinds import RULE_OF, Kind
from grpcdoctor.model.finding import Alternative, Fix

A_METHOD: Final = "package.Service/Method"
PROBE_BACKEND: Final = "grpcdoctor probe --plaintext BACKEND:PORT"
"""It also says so where the backend speaks TLS instead, so one command tells all the candidates apart."""
PORT_FORWARD: Final = "kubectl -n NAMESPACE port-forward svc/SERVICE 50051:PORT & " \
    "grpcdoctor probe --plaintext localhost:50051"
LOOK_AT_TLS: Final = "openssl s_client -connect BACKEND:PORT -alpn h2 </dev/null"
CALL_BACKEND: Final = f"{PROBE_BACKEND} --call {A_METHOD}"
RESTARTS: Final = "kubectl -n NAMESPACE get pods; kubectl -n NAMESPACE logs POD --previous"
ENDPOINTS: Final = "kubectl -n NAMESPACE get endpointslices -l kubernetes.io/service-name=SERVICE"

_CALLED: Final[dict[str, str]] = {
    "envoy": "Envoy",
    "istio": "Istio's Envoy",
    "nginx": "nginx",
    "haproxy": "haproxy",
    "aws-alb": "the AWS load balancer",
    "cloudflare": "Cloudflare",
    "google": "Google's load balancer",
    "azure-app-gateway": "Application Gateway",
    "traefik": "Traefik",
    "kong": "Kong",
    "apisix": "APISIX",
    "caddy": "Caddy",
    "linkerd": "Linkerd's proxy",
}
# Whose settings also cure another's trouble.
_KIN: Final[dict[str, tuple[str, ...]]] = {"istio": ("istio", "envoy"), "envoy": ("envoy", "istio")}
_MOST_FIXES: Final = 3

# kind -> how one tells that it was this instead.
_DOUBTS: Final[dict[Kind, tuple[str, str]]] = {
    Kind.UPSTREAM_TLS: ("one side of the hop to the backend speaks TLS, the other does not", LOOK_AT_TLS),
    Kind.PROTOCOL_MISMATCH: ("the backend speaks another HTTP version than the proxy expects", PROBE_BACKEND),
    Kind.CONNECTION_TERMINATED: ("the backend accepts the connection and drops it", RESTARTS),
    Kind.UNREACHABLE: ("nothing listens on the backend's port, or the way there is blocked", "nc -vz BACKEND PORT"),
    Kind.NO_HEALTHY: ("the proxy has no backend that is ready", ENDPOINTS),
    Kind.UPSTREAM_TIMEOUT: ("the backend is too slow for the proxy's timeout", CALL_BACKEND),
    Kind.UPSTREAM_OVERLOADED: ("the backend refuses more streams", CALL_BACKEND),
    Kind.RATE_LIMITED: ("the proxy limits the rate and says so with 503 (nginx limit_req)",
                        "grep limiting /var/log/nginx/error.log"),
}


def proxy_of(effect: Effect) -> str | None:
    return next((item.by.proxy for item in effect.hit if item.by.proxy is not None), None)


def called(proxy: str | None) -> str:
    """How a sentence names the proxy."""
    return _CALLED.get(proxy, "the proxy") if proxy is not None else "the proxy"


def surest(effect: Effect) -> float:
    return max(item.confidence for item in effect.hit)


def tailored(proxy: str | None, fixes: Mapping[str, tuple[Fix, ...]]) -> tuple[Fix, ...]:
    """At most three: those for this proxy and its kin, then those for any (""); all where the proxy is unknown."""
    if proxy is None:
        ordered: Iterable[str] = ("", *(name for name in fixes if name))
    else:
        ordered = (*_KIN.get(proxy, (proxy,)), "")
    chosen = [fix for name in ordered for fix in fixes.get(name, ())]
    return tuple(chosen[:_MOST_FIXES])


def doubts(effect: Effect) -> tuple[Alternative, ...]:
    """The other rules that the replies' kinds allow for, in the order of the tables; none where one reply is proof."""
    if surest(effect) >= 1:
        return ()
    kinds = dict.fromkeys(kind for item in effect.hit for kind in item.also)
    return tuple(Alternative(RULE_OF[kind], *_DOUBTS[kind]) for kind in kinds if kind in _DOUBTS)
