"""Cluster: an immutable, indexed snapshot of Kubernetes objects. Pure; the readers are in `live` and `manifests`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any, TypeVar

from grpcdoctor.cluster.coverage import Coverage
from grpcdoctor.cluster.kinds import NAMESPACE, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.model.finding import BlindSpot

T = TypeVar("T")

DEFAULT_DOMAIN = "cluster.local"
DEFAULT_ROOT_NAMESPACE = "istio-system"


class Cluster:
    """All objects of interest, by kind, namespace and name. Views of it are worked out once, with `once`.

    Of two objects with one identity the later one counts: manifests laid over a live cluster come after it.
    """

    def __init__(
        self,
        objects: Iterable[Object] = (),
        coverage: Coverage | None = None,
        blind_spots: Iterable[BlindSpot] = (),
        name: str = "",
        strangers: Iterable[Object] = (),
        read_at: str = "",
    ) -> None:
        self.name = name
        """The context or the files that it was read from."""
        self.read_at = read_at or datetime.now(timezone.utc).isoformat(timespec="seconds")
        """When (RFC 3339): rules read no clock, and compare the dates of certificates with this."""
        self.coverage = coverage or Coverage.nothing()
        self.blind_spots = tuple(blind_spots)
        """What could not be read."""
        self.strangers = tuple(strangers)
        """Objects of kinds that no rule knows: an apiVersion with a typing error is among them."""
        self._by_kind: dict[Kind, dict[tuple[str, str], Object]] = {}
        for item in objects:
            self._by_kind.setdefault(item.kind, {})[item.namespace, item.name] = item
        self._by_namespace: dict[Kind, dict[str, tuple[Object, ...]]] = {}
        self._worked_out: dict[Callable[..., Any], Any] = {}

    def all(self, kind: Kind) -> tuple[Object, ...]:
        """Every object of this kind, in the order that they were read."""
        return tuple(self._objects(kind).values())

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self._objects(kind).get((namespace, name))

    def in_namespace(self, kind: Kind, namespace: str) -> tuple[Object, ...]:
        objects = self._objects(kind)
        if kind not in self._by_namespace:
            grouped: dict[str, list[Object]] = {}
            for item in objects.values():
                grouped.setdefault(item.namespace, []).append(item)
            self._by_namespace[kind] = {namespace: tuple(found) for namespace, found in grouped.items()}
        return self._by_namespace[kind].get(namespace, ())

    def has_all(self, kind: Kind, namespace: str | None = None) -> bool:
        """Whether an object of this kind that is not here does not exist (and was not merely not shown)."""
        return self.coverage.has_all(kind, namespace)

    def knows(self, kind: Kind, namespace: str, name: str) -> bool:
        """Whether this object, if it is not here, does not exist; what to ask about a Secret or a ConfigMap."""
        return self.coverage.knows(kind, namespace, name)

    def once(self, work: Callable[[Cluster], T]) -> T:
        """What `work` makes of this cluster, worked out once however many rules ask for it."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        result: T = self._worked_out[work]
        return result

    def namespace_labels(self, namespace: str) -> dict[str, str] | None:
        """The labels of a namespace; None where the Namespace object was not shown."""
        found = self.get(NAMESPACE, "", namespace)
        return found.labels if found is not None else None

    def counts(self) -> dict[str, int]:
        """How many objects of each kind, by the resource's name."""
        return {kind.resource: len(found) for kind, found in self._by_kind.items() if found}

    @property
    def objects(self) -> tuple[Object, ...]:
        return tuple(item for found in self._by_kind.values() for item in found.values())

    def _objects(self, kind: Kind) -> dict[tuple[str, str], Object]:
        return self._by_kind.get(kind, _NONE)


_NONE: dict[tuple[str, str], Object] = {}
