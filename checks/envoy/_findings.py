"""How rules about an Envoy say what they found, so that all of them say it alike."""

from __future__ import annotations

from collections.abc import Iterable

from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Alternative, Evidence, Finding, Fix, Source, Subject
from grpcdoctor.model.rule import Rule, Severity

LISTENER = "listener"
CLUSTER = "cluster"
ROUTES = "route configuration"
CERTIFICATE = "certificate"
"""The kinds of things in an Envoy that findings are about, as Subject.kind: one word, one thing."""


def in_envoy(
    rule: Rule,
    kind: str,
    name: str,
    message: str,
    *,
    symptom: str,
    evidence: Iterable[Evidence],
    fixes: tuple[Fix, ...],
    field: str | None = None,
    related: tuple[str, ...] = (),
    severity: Severity | None = None,
    confidence: float = 1.0,
    alternatives: tuple[Alternative, ...] = (),
) -> Finding:
    """A finding about a listener, a cluster … of an Envoy.

    `message` is one sentence that names it; `symptom` says why it breaks and what the client sees, in the client's
    words. `related`: other things in this Envoy that it is about, as `cluster greeter`: a consequence is folded under
    its cause where they share one.
    """
    return Finding(
        rule,
        message=message,
        explanation=symptom,
        evidence=tuple(evidence),
        fixes=fixes,
        severity=severity,
        confidence=confidence,
        alternatives=alternatives,
        subject=Subject(kind=kind, name=name or "(no name)", field=field),
        related=related,
    )


def said(detail: str, endpoint: str) -> Evidence:
    """What an admin endpoint says: `said("update_rejected 3", "stats")`."""
    return Evidence(detail, Source.ENVOY, f"/{endpoint}")


def counted(proxy: Proxy, cluster: str, *names: str) -> list[Evidence]:
    """The counters of a cluster that are not 0, each as evidence."""
    found = ((name, proxy.stats.cluster(cluster, name)) for name in names)
    return [said(f"cluster.{cluster}.{name}: {number:,}", "stats") for name, number in found if number]
