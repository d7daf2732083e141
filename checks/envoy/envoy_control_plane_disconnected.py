"""envoy-control-plane-disconnected: an Envoy that works with the last configuration that it got."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import in_envoy, said
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD917",
    name="envoy-control-plane-disconnected",
    severity=Severity.WARNING,
    title="Envoy has lost its control plane",
)
ASKS = ("stats",)

def check(proxy: Proxy) -> Iterator[Conclusion]:
    plane = proxy.control_plane
    if plane.connected is not False:
        return
    name = plane.identifier[:80] or "control plane"
    yield in_envoy(
        RULE,
        "control plane",
        "xDS",
        "Envoy is not connected to its control plane",
        symptom="It serves what it knew last: new Services are not found (UNIMPLEMENTED), and pods that are gone are "
        "still called (UNAVAILABLE). Certificates that SDS brings are not renewed.",
        evidence=[said("control_plane.connected_state: 0", "stats"), said(f"last known as: {name}", "stats")],
        fixes=(Fix("See whether it is reached and answers; one that is just being renewed shows the same for a "
                   "second", command="istioctl proxy-status; kubectl -n istio-system get pods -l app=istiod"),),
        confidence=0.9,
    )  # fmt: skip
