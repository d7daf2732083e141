"""Label selectors, and an index that answers them without a walk over all pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from grpcdoctor.cluster.fields import mapping_at, mappings_at, string_map, text_at, texts_at


class Labelled(Protocol):
    @property
    def namespace(self) -> str: ...

    @property
    def labels(self) -> dict[str, str]: ...


L = TypeVar("L", bound=Labelled)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every pair of the selector is among the labels. An empty selector selects everything."""
    return all(labels.get(key) == value for key, value in selector.items())


def match_labels_selects(selector: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    """A LabelSelector with matchLabels and matchExpressions (In, NotIn, Exists, DoesNotExist)."""
    if not selects(string_map(selector, "matchLabels"), labels):
        return False
    return all(_expression(item, labels) for _, item in mappings_at(selector, "matchExpressions"))


def _expression(item: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    key, operator, values = text_at(item, "key"), text_at(item, "operator"), texts_at(item, "values")
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) is (operator == "Exists")


def selector_of(value: object) -> dict[str, str]:
    """`spec.selector` of a Service (plain) or of a Deployment (matchLabels)."""
    nested = mapping_at(value, "matchLabels")
    return string_map(value, "matchLabels") if nested else string_map(value)


class LabelIndex(Generic[L]):
    """Items by namespace and by each of their label pairs."""

    def __init__(self, items: Iterable[L]) -> None:
        self.items = tuple(items)
        self._by_namespace: dict[str, list[L]] = {}
        self._by_pair: dict[tuple[str, str, str], list[L]] = {}
        self._anywhere: dict[tuple[str, str], list[L]] | None = None
        for item in self.items:
            self._by_namespace.setdefault(item.namespace, []).append(item)
            for key, value in item.labels.items():
                self._by_pair.setdefault((item.namespace, key, value), []).append(item)

    def in_namespace(self, namespace: str) -> tuple[L, ...]:
        return tuple(self._by_namespace.get(namespace, ()))

    def select(self, selector: Mapping[str, str], namespace: str) -> tuple[L, ...]:
        """Those in a namespace; an empty selector selects all of them."""
        if not selector:
            return self.in_namespace(namespace)
        lists = [self._by_pair.get((namespace, key, value), []) for key, value in selector.items()]
        return tuple(item for item in min(lists, key=len) if selects(selector, item.labels))

    def select_anywhere(self, selector: Mapping[str, str]) -> tuple[L, ...]:
        """Those in any namespace; nothing for an empty selector."""
        if not selector:
            return ()
        if self._anywhere is None:
            self._anywhere = {}
            for item in self.items:
                for pair in item.labels.items():
                    self._anywhere.setdefault(pair, []).append(item)
        lists = [self._anywhere.get(pair, []) for pair in selector.items()]
        return tuple(item for item in min(lists, key=len) if selects(selector, item.labels))
