"""envoy-fault-active: fault injection that is switched on in a listener or a route."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import LISTENER, ROUTES, in_envoy, said
from grpcdoctor.checks.envoy._grpc import placed
from grpcdoctor.envoy.fields import Json, has, mapping
from grpcdoctor.envoy.http import HttpManager
from grpcdoctor.envoy.matching import percent
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD916",
    name="envoy-fault-active",
    severity=Severity.WARNING,
    title="the fault filter aborts or delays calls",
)
ASKS = ("config_dump",)

_ALL = 100


def check(proxy: Proxy) -> Iterator[Conclusion]:
    for listener, _chain, manager in proxy.http_chains:
        own = manager.filter("fault")
        if own is not None and not own.disabled and _share(own.raw):
            yield _finding(proxy, LISTENER, listener.name, f"listener {listener.name}", own.raw, manager)
    for each in placed(proxy):
        told = next((item for item in each.route.filters.values() if item.kind == "fault"), None)
        if told is None or told.disabled or each.manager.filter("fault") is None:
            continue
        if _share(told.raw):
            yield _finding(proxy, ROUTES, each.config_name, each.title, told.raw, each.manager)


def _share(config: Json) -> float:
    """How many percent of the calls it hits at most; one that only a header switches on hits none by itself."""
    hit = [percent(mapping(config, kind, "percentage")) for kind in ("abort", "delay")
           if has(config, kind) and not has(config, kind, f"header_{kind}")]  # fmt: skip
    return max(hit, default=0.0)


def _finding(proxy: Proxy, kind: str, name: str, title: str, config: Json, manager: HttpManager) -> Conclusion:
    aborts = has(config, "abort") and percent(mapping(config, "abort", "percentage")) > 0
    counters = ("fault.aborts_injected", "fault.delays_injected")
    seen = [(each, proxy.stats.http(manager.stat_prefix, each)) for each in counters]
    every = aborts and percent(mapping(config, "abort", "percentage")) >= _ALL
    return in_envoy(
        RULE,
        kind,
        name,
        f"{title}: the fault filter {'aborts' if aborts else 'delays'} up to {_share(config):g}% of the calls",
        symptom="Calls fail or wait on purpose: UNAVAILABLE, fault filter abort; or the client's deadline runs out.",
        evidence=[said(f"fault filter: {_words(config)}", "config_dump"),
                  *(said(f"http.{manager.stat_prefix}.{each}: {count:,}", "stats") for each, count in seen if count)],
        fixes=(Fix("Remove it when the test is over (Istio: `fault` in the VirtualService)"),),
        severity=Severity.ERROR if every else Severity.WARNING,
    )  # fmt: skip


def _words(config: Json) -> str:
    kinds = [kind for kind in ("abort", "delay") if has(config, kind)]
    return ", ".join(f"{kind} {percent(mapping(config, kind, 'percentage')):g}%" for kind in kinds)
