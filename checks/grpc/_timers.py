"""Well-known timers: the time of a cut names its cause where the text does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks.grpc._upstream import CALL_BACKEND
from grpcdoctor.model.finding import Fix


@dataclass(frozen=True, slots=True)
class Timer:
    """A default that many people meet without having set it."""

    seconds: float
    proxies: tuple[str, ...]
    """() for any."""
    whose: str


TIMERS: Final[tuple[Timer, ...]] = (
    Timer(3, ("envoy",), "Emissary's default timeout_ms"),
    Timer(5, ("envoy", "istio", "nginx"), "the default connect timeout of Envoy and ingress-nginx"),
    Timer(10, ("istio", "aws-alb"), "the default connect timeout of Istio and ALB"),
    Timer(15, ("envoy", "istio"), "Envoy's default route timeout"),
    Timer(30, ("google",), "the default timeoutSec of a Google backend service"),
    Timer(50, ("haproxy",), "`timeout server` in the haproxy configuration of most distributions"),
    Timer(60, ("nginx", "kong", "apisix", "aws-alb", "traefik"), "the default read timeout of nginx, Kong and ALB"),
    Timer(100, ("cloudflare",), "Cloudflare's default for an origin's answer"),
    Timer(300, ("envoy", "istio"), "Envoy's default stream_idle_timeout"),
)
# Timers fire late, never early; the rest is our own clock and the way there and back.
_EARLY: Final = 0.02
_LATE: Final = 0.3

RAISE: Final[dict[str, tuple[Fix, ...]]] = {
    "istio": (Fix("Istio: raise the VirtualService's timeout, or switch it off for streams",
                  patch="http: [{timeout: 0s, route: […]}]"),),
    "envoy": (Fix("Envoy: raise the route's timeout (0s switches it off; the default is 15 s)",
                  patch="route: {cluster: BACKEND, timeout: 0s, max_stream_duration: "
                  "{grpc_timeout_header_max: 0s}}"),),
    "nginx": (Fix("nginx: raise grpc_read_timeout (the default is 60 s)", patch="grpc_read_timeout 1h;"),
              Fix("ingress-nginx: annotate the Ingress (seconds, without a unit)",
                  patch='nginx.ingress.kubernetes.io/proxy-read-timeout: "3600"')),
    "haproxy": (Fix("haproxy: raise timeout server in the backend", patch="timeout server 1h"),),
    "aws-alb": (Fix("AWS: raise the load balancer's idle timeout (pings do not reset it)",
                    patch="alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=3600"),),
    "google": (Fix("Google: raise the backend service's timeout",
                   patch="kind: GCPBackendPolicy\nspec: {default: {timeoutSec: 3600}}"),),
    "": (Fix("Find out why the backend is slow: ask it without the proxy",
             command=CALL_BACKEND),),
}


# Envoy names two of its timers in words of their own.
_BY_WORDS: Final[tuple[tuple[str, Fix], ...]] = (
    ("stream timeout", Fix("Envoy: raise stream_idle_timeout of the connection manager, or idle_timeout of the route",
                           patch="route: {cluster: BACKEND, idle_timeout: 0s}")),
    ("duration", Fix("Envoy: raise max_stream_duration, or switch it off",
                     patch="common_http_protocol_options: {max_stream_duration: 0s}")),
)


def raising(text: str) -> tuple[Fix, ...]:
    """The setting behind Envoy's own words, where they are not the route's timeout."""
    return tuple(fix for words, fix in _BY_WORDS if words in text)


def timer_of(milliseconds: float, proxy: str | None) -> str | None:
    """Whose default timer this time fits; None where it fits none of the proxy's, or the proxy is unknown."""
    seconds = milliseconds / 1000
    return next(
        (
            f"{timer.seconds:g} s is {timer.whose}"
            for timer in TIMERS
            if proxy in timer.proxies and timer.seconds - _EARLY <= seconds <= timer.seconds + _LATE
        ),
        None,
    )
