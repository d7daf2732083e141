"""envoy-update-rejected: the control plane sent a configuration that this Envoy refused (NACK)."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import in_envoy, said
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.envoy.updates import Rejection
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD901",
    name="envoy-update-rejected",
    severity=Severity.ERROR,
    title="Envoy refused a configuration that its control plane sent",
)
ASKS = ("config_dump",)

_STALE = (
    "Whatever was changed is not in force here: calls go where the old version sends them, and UNIMPLEMENTED or "
    "UNAVAILABLE comes for what only the new one would have."
)
_NOTHING = "No earlier version is there to fall back on: clients get connection refused, or UNAVAILABLE."
_HISTORY = 0.7
"""A counter tells that an update was refused since the start, not whether a later one was taken."""
_LONGEST = 300


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for rejection in proxy.rejections:
        yield _with_reason(rejection)
    yield from _counted_only(proxy)


def _with_reason(rejection: Rejection) -> Conclusion:
    name = rejection.name or "without a name"
    at = f" (last tried {rejection.last_attempt})" if rejection.last_attempt else ""
    stale = "; an older version serves on" if rejection.still_in_force else "; nothing serves in its place"
    return in_envoy(
        RULE,
        rejection.kind,
        rejection.name,
        f"Envoy refuses the update of {rejection.kind} {name}{stale}",
        symptom=_STALE if rejection.still_in_force else _NOTHING,
        evidence=[said(f"{' '.join(rejection.reason.split())[:_LONGEST]}{at}", "config_dump")],
        fixes=(_fix(),),
        severity=Severity.WARNING if rejection.still_in_force else Severity.ERROR,
    )


def _counted_only(proxy: Proxy) -> Iterator[Conclusion]:
    """Of clusters, routes and endpoints the dump tells no reason: only that it happened."""
    told = {rejection.kind for rejection in proxy.rejections}
    for kind, name, number in proxy.stats.rejected_updates():
        # A listener's refusal stands in the dump until a later update is taken, so without one it is over.
        if kind in told or (kind == "listener" and proxy.shows("listeners")):
            continue
        times = f"{number:,} time{'s' if number != 1 else ''}"
        what = f"{kind}{' ' + name if name else 's' if kind == 'cluster' else ''}"
        yield in_envoy(
            RULE,
            kind,
            name or "all",
            f"Envoy has refused an update of {what} {times} since it started",
            symptom=_STALE,
            evidence=[said(f"update_rejected {number:,}", "stats")],
            fixes=(_fix(),),
            severity=Severity.WARNING,
            confidence=_HISTORY,
        )


def _fix() -> Fix:
    return Fix(
        "Correct or take back what the control plane was last given (with Istio mostly an EnvoyFilter); see its log",
        command='kubectl -n istio-system logs deploy/istiod | grep -i "ACK ERROR\\|rejected"',
    )
