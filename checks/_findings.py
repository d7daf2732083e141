"""How rules about a cluster say what they found, so that a hundred of them say it alike."""

from __future__ import annotations

import json

from grpcdoctor.cluster.fields import FieldPath, at, dotted
from grpcdoctor.cluster.objects import Object
from grpcdoctor.model.finding import Alternative, Evidence, Finding, Fix, Source
from grpcdoctor.model.rule import Rule, Severity

_LONGEST_VALUE = 80


def about(
    rule: Rule,
    item: Object,
    path: FieldPath,
    message: str,
    *,
    symptom: str,
    evidence: tuple[Evidence, ...] = (),
    fixes: tuple[Fix, ...] = (),
    related: tuple[Object, ...] = (),
    severity: Severity | None = None,
    confidence: float = 1.0,
    alternatives: tuple[Alternative, ...] = (),
) -> Finding:
    """A finding about a field of an object.

    `message` is one sentence that names the objects; `symptom` says why it breaks and what the client sees, in the
    client's words. The field itself is the first evidence. `related`: the other objects that it is about.
    """
    return Finding(
        rule,
        message=message,
        explanation=symptom,
        evidence=(seen(item, path), *evidence),
        fixes=fixes,
        severity=severity,
        confidence=confidence,
        alternatives=alternatives,
        subject=item.subject(path),
        related=tuple(dict.fromkeys(other.title for other in related)),
    )


def seen(item: Object, path: FieldPath, detail: str = "") -> Evidence:
    """What stands in a field: `spec.ports[0].name = "http-main"`, or the words in `detail`."""
    return Evidence(detail or _value(item, path), Source.CONFIG if item.origin else Source.CLUSTER, item.title)


def _value(item: Object, path: FieldPath) -> str:
    if not path:
        return f"{item.title} is there" if item.name else "an object without a name"
    value = at(item.raw, *path)
    if value is None:
        return f"{dotted(path)} is not set"
    text = json.dumps(value, ensure_ascii=False, default=str)
    shown = text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
    return f"{dotted(path)} = {shown}"
