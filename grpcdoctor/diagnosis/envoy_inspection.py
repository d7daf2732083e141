"""envoy: what an Envoy says of itself to its report. Pure: the readers have done the reading."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.cluster.undisturbed import undisturbed
from grpcdoctor.diagnosis.cluster_causes import cluster_causes
from grpcdoctor.diagnosis.correlate import verdict_of
from grpcdoctor.diagnosis.engine import now
from grpcdoctor.diagnosis.envoy_request import request_hops, shown_request
from grpcdoctor.diagnosis.envoy_view import envoy_view
from grpcdoctor.diagnosis.judge import run_check
from grpcdoctor.diagnosis.registry import envoy_checks
from grpcdoctor.envoy.answers import CERTS, CLUSTERS, CONFIG_DUMP, SERVER_INFO, STATS
from grpcdoctor.envoy.request import Explanation, route_request
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.envoy import EnvoyView
from grpcdoctor.model.finding import BlindSpot, Finding, Verdict
from grpcdoctor.model.redact import redact
from grpcdoctor.model.report import Hop, Report, Scope
from grpcdoctor.model.target import Target

# endpoint -> (what it would have told, whether a verdict is open without it)
_WORTH: Final = {
    CONFIG_DUMP: ("what is configured", True),
    CLUSTERS: ("the endpoints and their health", True),
    STATS: ("the counters", False),
    CERTS: ("the certificates", False),
    SERVER_INFO: ("Envoy's version and state", False),
}
_SAVED: Final = {
    CONFIG_DUMP: "config_dump?include_eds",
    CLUSTERS: "clusters?format=json",
    STATS: "stats?format=json",
}


@dataclass(frozen=True, slots=True)
class EnvoyOptions:
    """What of an Envoy is of interest."""

    listener: str = ""
    """Only listeners with this in their name."""
    cluster: str = ""
    everything: bool = False
    """Lists in full, in the text too."""
    request: AskedRequest | None = None


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """The request whose way is asked for."""

    input: str
    """As the user wrote it."""
    host: str
    path: str
    port: int | None = None
    tls: bool | None = None
    sni: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def inspect_envoy(proxy: Proxy, options: EnvoyOptions | None = None) -> Report:
    """Judge, group, show. Raises nothing: a rule that fails is a blind spot that says so."""
    with undisturbed():
        return redact(_inspected(proxy, options or EnvoyOptions()), ())


def _inspected(proxy: Proxy, wanted: EnvoyOptions) -> Report:
    started_at, started = now(), time.monotonic()
    findings, blind_spots = judge_envoy(proxy)
    causes = cluster_causes(findings)
    view = envoy_view(proxy, wanted.listener, wanted.cluster, wanted.everything)
    hops: tuple[Hop, ...] = ()
    verdict = verdict_of(causes, blind_spots)
    if wanted.request is not None:
        found = _asked(proxy, wanted.request, wanted.listener)
        view = replace(view, request=shown_request(found, wanted.request.input))
        hops = tuple(request_hops(found))
        verdict = Verdict.BROKEN if found.symptom else verdict
    return Report(
        target=Target(proxy.name, host="", port=0, tls=False, port_given=False),
        verdict=verdict,
        started_at=started_at,
        duration_ms=(time.monotonic() - started) * 1000,
        causes=causes,
        findings=findings,
        hops=hops,
        blind_spots=blind_spots,
        command="envoy",
        scope=Scope(proxy.name, objects=_size(view)),
        envoy=view,
    )


def _asked(proxy: Proxy, request: AskedRequest, listener: str) -> Explanation:
    return route_request(
        proxy,
        request.host,
        request.path,
        port=request.port,
        sni=request.sni,
        tls=request.tls,
        headers=request.headers,
        listener=listener,
    )


def judge_envoy(proxy: Proxy) -> tuple[tuple[Finding, ...], tuple[BlindSpot, ...]]:
    """(findings by code, blind spots) of all rules about an Envoy. A rule whose endpoint is missing does not run."""
    findings: list[Finding] = []
    blind_spots: list[BlindSpot] = list(proxy.blind_spots)
    held_up: dict[str, list[str]] = defaultdict(list)
    for check in envoy_checks():
        missing = next((endpoint for endpoint in check.asks if not proxy.answered(endpoint)), None)
        if missing is not None:
            held_up[missing].append(check.rule.name)
            continue
        run_check(check.rule, check.function, proxy, findings, blind_spots)
    blind_spots += _missing(proxy, held_up)
    return tuple(findings), tuple(dict.fromkeys(blind_spots))


def _missing(proxy: Proxy, held_up: dict[str, list[str]]) -> Iterator[BlindSpot]:
    """Once for each endpoint; where asking failed the reader has said so."""
    for endpoint, (what, blocks) in _WORTH.items():
        asked = any(spot.why.startswith(f"/{endpoint}:") for spot in proxy.blind_spots)
        if proxy.answered(endpoint) or asked:
            continue
        rules = f"; {', '.join(sorted(held_up[endpoint]))} did not run" if held_up[endpoint] else ""
        yield BlindSpot(
            what,
            f"no answer of /{endpoint} is among what was read{rules}",
            decide=f"curl -s http://127.0.0.1:15000/{_SAVED.get(endpoint, endpoint)}",
            blocks_verdict=blocks,
        )


def _size(view: EnvoyView) -> int:
    return len(view.listeners) + len(view.routes) + len(view.clusters)
