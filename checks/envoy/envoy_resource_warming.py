"""envoy-resource-warming: resources that wait for another one before they serve."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import CLUSTER, LISTENER, in_envoy, said
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.envoy.updates import State, Update
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD918",
    name="envoy-resource-warming",
    severity=Severity.WARNING,
    title="a listener or a cluster has come and is not in force",
)
ASKS = ("config_dump",)

_LONG = 60.0
"""Seconds. Warming takes a moment; init_fetch_timeout ends most of it after 15 s."""


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for kind, items in ((CLUSTER, proxy.clusters), (LISTENER, proxy.listeners)):
        for item in items:
            if item.update.state is State.WARMING and _is_long(item.update, proxy.read_at):
                yield _finding(kind, item.name, item.update)


def _is_long(update: Update, read_at: str) -> bool:
    """Unknown times are no proof."""
    from datetime import datetime

    try:
        since, now = (datetime.fromisoformat(_plain(each)) for each in (update.last_updated, read_at))
        return (now - since).total_seconds() > _LONG
    except (ValueError, TypeError):
        return False


def _plain(stamp: str) -> str:
    """Without fractions of a second and with an offset that Python 3.10 reads."""
    head, _, _ = stamp.replace("Z", "+00:00").partition("+")
    return head.partition(".")[0] + "+00:00"


def _finding(kind: str, name: str, update: Update) -> Conclusion:
    what = "its endpoints (EDS) or a secret (SDS)" if kind == CLUSTER else "its routes (RDS) or a secret (SDS)"
    return in_envoy(
        RULE,
        kind,
        name,
        f"{kind} {name} is warming since {update.last_updated} and not in force",
        symptom="It waits for another resource. Where no older version serves, calls end in UNAVAILABLE (NC, "
        "cluster_not_found), or the port refuses.",
        evidence=[said(f"warming, version {update.version or 'not told'}, last updated {update.last_updated}",
                       "config_dump")],
        fixes=(Fix(f"Find what it waits for: {what}", command="curl -s http://127.0.0.1:15000/init_dump"),),
    )  # fmt: skip
