"""Object: one Kubernetes object as raw JSON with its identity, and where it was read from."""

from __future__ import annotations

from typing import Any, Protocol

from grpcdoctor.cluster.fields import FieldPath, dotted, mapping_at, string_map, text_at
from grpcdoctor.cluster.kinds import Kind
from grpcdoctor.cluster.lazy import lazy
from grpcdoctor.model.finding import Subject
from grpcdoctor.model.redact import redact_text

LONGEST_EXCERPT = 200


class Origin(Protocol):
    """Where an object was written down; lines count from 1."""

    @property
    def file(self) -> str: ...

    def line(self, path: FieldPath) -> int | None:
        """The line of this field, or of the nearest parent that is there."""

    def text(self, line: int) -> str | None:
        """That line of the file."""


class Object:
    """`raw` is never changed. Equal only to itself."""

    def __init__(self, kind: Kind, raw: dict[str, Any], namespace: str, origin: Origin | None = None) -> None:
        self.kind = kind
        self.raw = raw
        self.namespace = namespace
        """Empty for kinds without namespaces."""
        self.origin = origin
        self.name = text_at(raw, "metadata", "name")

    def __repr__(self) -> str:
        return f"<{self.title}>"

    @property
    def full_name(self) -> str:
        """`prod/greeter`."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def title(self) -> str:
        """`Service prod/greeter`."""
        return f"{self.kind.name} {self.full_name}"

    @property
    def api_version(self) -> str:
        return text_at(self.raw, "apiVersion") or self.kind.api_version

    @property
    def spec(self) -> dict[str, Any]:
        return mapping_at(self.raw, "spec")

    @lazy
    def labels(self) -> dict[str, str]:
        return string_map(self.raw, "metadata", "labels")

    @lazy
    def annotations(self) -> dict[str, str]:
        return string_map(self.raw, "metadata", "annotations")

    @lazy
    def created_at(self) -> str:
        """RFC 3339, which sorts by time; empty in a manifest."""
        return text_at(self.raw, "metadata", "creationTimestamp")

    def subject(self, path: FieldPath = ()) -> Subject:
        """This object and a field of it, with the line of the file that it comes from."""
        line = self.origin.line(path) if self.origin else None
        text = self.origin.text(line) if self.origin and line and self.kind.name != "Secret" else None
        return Subject(
            kind=self.kind.name,
            namespace=self.namespace or None,
            name=self.name,
            field=dotted(path) or None,
            file=self.origin.file if self.origin else None,
            line=line,
            text=redact_text(text)[:LONGEST_EXCERPT] if text is not None else None,
        )
