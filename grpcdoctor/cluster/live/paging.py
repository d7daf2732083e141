"""Paging: all objects of one kind, in one namespace or in all; and one object by name."""

from __future__ import annotations

from typing import Any, Final

from grpcdoctor.cluster.fields import mappings_at, text_at
from grpcdoctor.cluster.kinds import Kind
from grpcdoctor.cluster.live.answers import Asker, Failure, RequestFailed
from grpcdoctor.cluster.live.crew import Tell
from grpcdoctor.cluster.live.discovery import Resource, Source
from grpcdoctor.cluster.live.slim import Shared, slim
from grpcdoctor.cluster.objects import Object

PAGE: Final = 500
RESTARTS: Final = 2
"""Of a list whose snapshot the server forgets before the last page (410, after five minutes or a compaction)."""


class Listing:
    """The job of reading a list. What came before a failure is kept, for it is there; it is merely not all."""

    def __init__(self, kind: Kind, source: Source, namespace: str = "") -> None:
        self.kind = kind
        self.namespace = namespace
        """Empty: all of them."""
        self.objects: list[Object] = []
        self.failure: Failure | None = None
        self.done = False
        self._source = source
        self._shared = Shared()

    @property
    def title(self) -> str:
        count = f": {len(self.objects):,}" if self.objects else ""
        return self.kind.plural + (f" in {self.namespace}" if self.namespace else "") + count

    @property
    def complete(self) -> bool:
        return self.done and self.failure is None

    def run(self, asker: Asker, tell: Tell) -> None:
        for resource in self._source:
            try:
                self._all(resource, asker, tell)
                return
            except RequestFailed as failed:
                # Not served (any more): then there are no such objects.
                if failed.failure.status != 404:
                    raise

    def _all(self, resource: Resource, asker: Asker, tell: Tell) -> None:
        for restart in range(RESTARTS + 1):
            self.objects = []
            try:
                self._pages(resource, asker, tell)
                return
            except RequestFailed as failed:
                if failed.failure.status != 410 or restart == RESTARTS:
                    raise

    def _pages(self, resource: Resource, asker: Asker, tell: Tell) -> None:
        path, token = resource.path(self.namespace), ""
        while True:
            query = [("limit", str(PAGE)), *([("continue", token)] if token else [])]
            page = asker.ask(path, query)
            self.objects += (_object(resource, raw, self._shared) for _, raw in mappings_at(page, "items"))
            following = text_at(page, "metadata", "continue")
            if not following or following == token:
                return
            token = following
            tell()


class Lookup:
    """The job of reading one object by its name. `found` stays None where there is none."""

    def __init__(self, resource: Resource, namespace: str, name: str) -> None:
        self.kind, self.namespace, self.name = resource.kind, namespace, name
        self.found: Object | None = None
        self.failure: Failure | None = None
        self.done = False
        self._resource = resource

    @property
    def title(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}" if self.namespace else f"{self.kind.name} {self.name}"

    @property
    def complete(self) -> bool:
        return self.done and self.failure is None

    def run(self, asker: Asker, tell: Tell) -> None:
        try:
            self.found = _object(self._resource, asker.ask(self._resource.path(self.namespace, self.name)))
        except RequestFailed as failed:
            if failed.failure.status != 404:
                raise


def _object(resource: Resource, raw: dict[str, Any], shared: Shared | None = None) -> Object:
    # The items of a list of a built-in kind do not say what they are.
    named = {"apiVersion": resource.api_version, "kind": resource.kind.name, **raw}
    slimmed = slim(resource.kind, named, shared)
    namespace = text_at(slimmed, "metadata", "namespace") if resource.kind.namespaced else ""
    return Object(resource.kind, slimmed, namespace)
