"""Findings about a cluster to ranked causes: a consequence is folded under its cause where they share an object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.finding import Evidence, Finding, Subject
from grpcdoctor.model.report import Cause
from grpcdoctor.model.rule import Severity


def cluster_causes(findings: Sequence[Finding]) -> tuple[Cause, ...]:
    """Worst first; info findings are never causes. Time grows with the number of findings, not with its square."""
    candidates = sorted((f for f in findings if f.effective_severity is not Severity.INFO), key=_rank)
    by_object: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in candidates:
        for title in objects_of(finding):
            by_object[title, finding.rule.name].append(finding)
    explainers = _explainers()
    parent = {id(f): _parent(f, by_object, explainers) for f in candidates}
    place = {id(f): index for index, f in enumerate(candidates)}
    roots = {id(f): _root(f, parent, place) for f in candidates}
    folded: dict[int, list[Finding]] = defaultdict(list)
    for finding in candidates:
        root = roots[id(finding)]
        if root is not finding:
            folded[id(root)].append(finding)
    return tuple(_cause(f, tuple(folded[id(f)])) for f in candidates if roots[id(f)] is f)


def objects_of(finding: Finding) -> tuple[str, ...]:
    """The objects that a finding is about, as `Kind namespace/name`."""
    own = title_of(finding.subject)
    return (own, *finding.related) if own else finding.related


def title_of(subject: Subject | None) -> str:
    """`Service prod/greeter`; empty for an endpoint."""
    if subject is None or subject.kind is None:
        return ""
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return f"{subject.kind} {name}"


def _explainers() -> dict[str, tuple[str, ...]]:
    """rule -> the rules that explain it."""
    found: dict[str, list[str]] = defaultdict(list)
    for rule in rules().values():
        for name in rule.explains:
            found[name].append(rule.name)
    return {name: tuple(names) for name, names in found.items()}


def _parent(
    finding: Finding, by_object: dict[tuple[str, str], list[Finding]], explainers: dict[str, tuple[str, ...]]
) -> Finding | None:
    """The best finding that explains this one, is at least as bad, and is about one of its objects."""
    worst = finding.effective_severity.rank
    for name in explainers.get(finding.rule.name, ()):
        for title in objects_of(finding):
            for other in by_object.get((title, name), ())[:1]:
                if other is not finding and other.effective_severity.rank <= worst:
                    return other
    return None


def _root(finding: Finding, parent: dict[int, Finding | None], place: dict[int, int]) -> Finding:
    """Up the chain; of rules that explain each other the best one is the root, wherever the chain comes in."""
    chain = [finding]
    seen = {id(finding): 0}
    while (above := parent[id(chain[-1])]) is not None and id(above) not in seen:
        seen[id(above)] = len(chain)
        chain.append(above)
    if above is None:
        return chain[-1]
    return min(chain[seen[id(above)] :], key=lambda f: place[id(f)])


def _cause(root: Finding, consequences: tuple[Finding, ...]) -> Cause:
    also = tuple(Evidence(f"so also: {f.message}", f.evidence[0].source, f.rule.name) for f in consequences)
    return Cause(root, consequences, root.evidence + also, root.fixes)


def _rank(finding: Finding) -> tuple[int, int, float, str, str]:
    rule = finding.rule
    return finding.effective_severity.rank, rule.layer.value, -finding.confidence, rule.code, title_of(finding.subject)
