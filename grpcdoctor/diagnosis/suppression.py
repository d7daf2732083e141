"""Suppression: findings that somebody decided to live with, and severities that somebody sees otherwise.

Three ways: `--ignore` and `--only`, the file `.grpcdoctor.yaml`, and an object's annotation `grpcdoctor.io/ignore`.
What is suppressed is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from grpcdoctor.cluster.kinds import KINDS, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.rule_words import is_called, matching, unknown
from grpcdoctor.diagnosis.suppression_file import Ignore, SuppressionError, find_file, read_file
from grpcdoctor.model.finding import Finding, Subject
from grpcdoctor.model.rule import Severity

__all__ = ["ANNOTATION", "Ignore", "Suppression", "SuppressionError", "read_suppression"]

ANNOTATION: Final = "grpcdoctor.io/ignore"


@dataclass(frozen=True, slots=True)
class Suppression:
    """What is not to be reported, and how severe the rest is. Rules are named by their names."""

    ignores: tuple[Ignore, ...] = ()
    severities: Mapping[str, Severity | None] = field(default_factory=dict)
    """None: off."""
    ignored: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    """None: all."""

    def apply(self, findings: Iterable[Finding], cluster: Cluster) -> tuple[tuple[Finding, ...], Counter[str]]:
        """(the findings that stay, how many of each rule are suppressed)."""
        kept: list[Finding] = []
        suppressed: Counter[str] = Counter()
        for finding in findings:
            name = finding.rule.name
            if self._hides(finding) or _is_waived(finding, cluster):
                suppressed[name] += 1
            else:
                severity = self.severities.get(name)
                kept.append(finding if severity is None else replace(finding, severity=severity))
        return tuple(kept), suppressed

    def _hides(self, finding: Finding) -> bool:
        name = finding.rule.name
        if name in self.ignored or (self.only is not None and name not in self.only):
            return True
        if name in self.severities and self.severities[name] is None:
            return True
        return any(entry.fits(finding) for entry in self.ignores)


def read_suppression(
    config: str | None = None, *, ignore: Sequence[str] = (), only: Sequence[str] = (), directory: str = "."
) -> Suppression:
    """From this file (or the one found here or above) and the command line. Raises SuppressionError."""
    file = config if config is not None else find_file(directory)
    ignores, severities = read_file(file) if file is not None else ((), {})
    return Suppression(
        ignores, severities, _named(ignore, "--ignore"), _named(only, "--only") if only else None
    )


def _named(words: Sequence[str], option: str) -> frozenset[str]:
    found: set[str] = set()
    for word in words:
        names = matching(word)
        if not names:
            raise SuppressionError(f"{option}: {unknown(word)}")
        found |= names
    return frozenset(found)


def _is_waived(finding: Finding, cluster: Cluster) -> bool:
    """By the annotation of its subject. A word in it that is no rule of this version waives nothing."""
    about = finding.subject
    if about is None or about.kind is None:
        return False
    words = [
        word.strip().lower()
        for item in _objects(about, cluster)
        for word in item.annotations.get(ANNOTATION, "").split(",")
    ]
    return any(is_called(finding.rule, word) for word in words)


def _objects(about: Subject, cluster: Cluster) -> list[Object]:
    """A subject says no group: both an Istio Gateway and one of the Gateway API may bear its name."""
    found = [cluster.get(kind, about.namespace or "", about.name or "") for kind in _KINDS.get(about.kind or "", ())]
    return [item for item in found if item is not None and (not about.file or _file(item) == about.file)]


def _file(item: Object) -> str | None:
    return item.origin.file if item.origin is not None else None


_KINDS: Final[dict[str, list[Kind]]] = {}
for _kind in KINDS:
    _KINDS.setdefault(_kind.name, []).append(_kind)
