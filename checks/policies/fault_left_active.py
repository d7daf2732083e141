"""fault-left-active: a VirtualService injects delays or errors into gRPC calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._faults import Fault, faults
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import mappings_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD705",
    name="fault-left-active",
    severity=Severity.ERROR,
    title="a VirtualService injects delays or errors",
    explains=("fault-uses-http-status",),
)
READS = ROUTE_KINDS

_MANY: Final = 10.0
_LONG_DELAY: Final = 5.0
_MILDER: Final = {Severity.ERROR: Severity.WARNING, Severity.WARNING: Severity.INFO, Severity.INFO: Severity.INFO}
_TRIAL: Final = re.compile(
    r"(?<![a-z])(?:tests?|testing|chaos|canary|staging|stage|dev|qa|sandbox|experiments?|e2e|loadtest|preprod)(?![a-z])"
)
# Conditions that leave the usual client alone.
_NARROW: Final = ("headers", "queryParams", "sourceLabels", "sourceNamespace")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for fault in faults(cluster):
        item = fault.rule.object
        yield about(
            RULE,
            item,
            fault.path,
            f"{item.title} {fault.words}, to {fault.target}",
            symptom=_symptom(fault),
            evidence=(*_parts(fault), *fault.proof),
            fixes=(Edit(item).remove(fault.path).fix("Remove the fault, which is for tests of resilience"),),
            severity=_severity(fault),
            confidence=1.0 if fault.proof else 0.7,
            related=tuple(b.service.object for b in fault.rule.backends if b.service is not None),
        )


def _parts(fault: Fault) -> tuple[Evidence, ...]:
    return tuple(seen(fault.rule.object, (*fault.path, part)) for part in ("delay", "abort") if part in fault.raw)


def _symptom(fault: Fault) -> str:
    said = []
    if fault.delayed:
        said.append("The proxy holds each of these calls back: clients with a shorter deadline get DEADLINE_EXCEEDED.")
    if fault.aborted:
        said.append(f"The proxy answers these calls itself: clients get {fault.status}: fault filter abort.")
    return " ".join((*said, "No server is at fault."))


def _severity(fault: Fault) -> Severity:
    heavy = fault.aborted >= _MANY or (fault.delayed >= _MANY and fault.delay >= _LONG_DELAY)
    severity = Severity.ERROR if heavy and fault.proof else Severity.WARNING
    if _is_trial(fault):
        severity = _MILDER[severity]
    return _MILDER[severity] if _is_narrow(fault) else severity


def _is_trial(fault: Fault) -> bool:
    item = fault.rule.object
    return any(_TRIAL.search(name.lower().replace("_", "-")) for name in (item.namespace, item.name))


def _is_narrow(fault: Fault) -> bool:
    matches = [raw for _, raw in mappings_at(fault.rule.object.raw, *fault.rule.path, "match")]
    return bool(matches) and all(any(raw.get(key) for key in _NARROW) for raw in matches)
