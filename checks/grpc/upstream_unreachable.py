"""upstream-unreachable: the proxy cannot connect to its backend."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks.grpc._effect import Effect, effect_of
from grpcdoctor.checks.grpc._replies import Kind, evidence_of
from grpcdoctor.checks.grpc._upstream import ENDPOINTS, called, doubts, proxy_of, surest, tailored
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.finding import Conclusion, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD424",
    name="upstream-unreachable",
    severity=Severity.ERROR,
    title="the proxy cannot connect to its backend",
)
NEEDS = (GrpcFacts, HealthFacts, ReflectionFacts, CallFacts)

_REFUSED: Final = "the connection is refused"
_DROPPED: Final = "no answer to connect()"
# What connect() said, where the proxy passes it on; Envoy before 1.32 gives the errno.
_WHY: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"connect[ _]error:? ?(111\b|Connection[ _]refused)", re.I), _REFUSED),
    (re.compile(r"connect[ _]error:? ?(110\b|Connection[ _]timed[ _]out)|connection timeout", re.I), _DROPPED),
    (re.compile(r"connect[ _]error:? ?(113\b|101\b|No[ _]route|Network[ _]is)", re.I), "no route to the host"),
    (re.compile(r"connect[ _]error:? ?(104\b|Connection[ _]reset)", re.I), "the connection is reset"),
)
_LISTEN: Final = Fix("Check that the application listens on the port that the proxy dials, on all addresses "
                     "(0.0.0.0, not 127.0.0.1)", command="kubectl -n NAMESPACE exec POD -- ss -ltn")
_FIXES: Final[dict[str, tuple[Fix, ...]]] = {
    "": (_LISTEN, Fix("Compare the Service's targetPort with that port", command=ENDPOINTS)),
    "envoy": (Fix("Envoy: see whether connect() fails or TLS does (ssl.connection_error)",
                  command="curl -s localhost:9901/stats | grep -E '(cx_connect_fail|ssl.connection_error): [1-9]'"),),
    "nginx": (Fix("nginx: its error log says what went wrong",
                  command="grep upstream /var/log/nginx/error.log | tail -3"),),
    "haproxy": (Fix("haproxy: the server's state and last error, and the flags in the log (SC: no connection)",
                    command="echo 'show servers conn; show errors' | socat stdio /run/haproxy/admin.sock"),),
    "cloudflare": (Fix("Open the origin's firewall for Cloudflare's addresses on port 443"),),
}


def check(run: Run) -> Iterator[Conclusion]:
    effect = effect_of(run, lambda item: item.kind is Kind.UNREACHABLE)
    if effect is None:
        return
    proxy, why = proxy_of(effect), _why(effect)
    yield Finding(
        RULE,
        message=f"{called(proxy)} cannot connect to its backend" + (f" ({why})" if why else ""),
        explanation=_explanation(why, proxy),
        evidence=evidence_of(effect.hit),
        fixes=tailored(proxy, _FIXES),
        severity=effect.severity,
        confidence=surest(effect),
        alternatives=doubts(effect),
    )


def _why(effect: Effect) -> str | None:
    text = " ".join(item.reply.grpc_message or item.reply.body for item in effect.hit)
    return next((why for pattern, why in _WHY if pattern.search(text)), None)


def _explanation(why: str | None, proxy: str | None) -> str:
    if why == _REFUSED:
        return "Nothing listens where the proxy dials: the server is down, listens on another port, or on 127.0.0.1."
    if why is not None:
        return "Packets to the backend get no answer: a network policy or firewall, or a pod that is gone."
    if proxy in ("envoy", "istio"):
        return "The port is closed, or the proxy starts TLS towards a plaintext backend: this Envoy words both " \
            "alike. Its access log, or the backend itself, tells them apart."
    return "The answer is the proxy's own error page. It does not say whether the backend refused the connection or " \
        "spoke something that the proxy did not expect."
