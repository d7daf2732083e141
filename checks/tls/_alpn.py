"""How ALPN is switched on, the software that terminates HTTP/2 here first."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.finding import Fix
from grpcdoctor.model.run import Run

# Http2Facts.terminator -> its fix; in the order of how common the fault is where nobody was recognised.
_FIXES: Final = {
    "haproxy": Fix("haproxy: on the bind line", patch="bind :443 ssl crt /etc/haproxy/cert.pem alpn h2,http/1.1"),
    "envoy": Fix("Envoy: in the listener's common_tls_context", patch='alpn_protocols: ["h2", "http/1.1"]'),
    "nginx": Fix("nginx: in the server block (before 1.25.1: `listen 443 ssl http2;`)", patch="http2 on;"),
    "aws-nlb": Fix(
        "AWS NLB with a TLS listener: annotate the Service",
        patch="service.beta.kubernetes.io/aws-load-balancer-alpn-policy: HTTP2Preferred",
    ),
}


def alpn_fixes(run: Run, *likely: str) -> tuple[Fix, ...]:
    """At most three: for whoever the SETTINGS look like, then for `likely` (keys of the table above)."""
    http2 = run.get(Http2Facts)
    seen = http2.terminator if http2 is not None and http2.terminator in _FIXES else None
    order = dict.fromkeys((*((seen,) if seen else ()), *likely))
    return tuple(_FIXES[key] for key in order)[:3]
