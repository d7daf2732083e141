"""Coverage: which part of the cluster was read, so that "it is not there" is told from "it was not shown to us"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grpcdoctor.cluster.kinds import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Coverage:
    """Per kind the namespaces whose objects were all read; None stands for all namespaces.

    A kind that the cluster does not serve (its CRD is not installed) is covered: there are no such objects.
    """

    namespaces: Mapping[Kind, frozenset[str] | None] = field(default_factory=dict)
    looked_up: frozenset[tuple[Kind, str, str]] = frozenset()
    """(kind, namespace, name) of objects asked for by name: Secrets and ConfigMaps, which are never listed."""

    @staticmethod
    def everything() -> Coverage:
        """The objects given are the whole cluster."""
        return Coverage(dict.fromkeys(KINDS))

    @staticmethod
    def nothing() -> Coverage:
        """Manifests: what they do not hold may well exist."""
        return Coverage({})

    @staticmethod
    def of(kinds: Iterable[Kind], namespaces: Iterable[str] | None = None) -> Coverage:
        where = frozenset(namespaces) if namespaces is not None else None
        return Coverage(dict.fromkeys(kinds, where))

    def has_all(self, kind: Kind, namespace: str | None = None) -> bool:
        """Whether every object of this kind (in this namespace, or anywhere) was read."""
        if kind not in self.namespaces:
            return False
        seen = self.namespaces[kind]
        return seen is None or (namespace is not None and namespace in seen)

    def knows(self, kind: Kind, namespace: str, name: str) -> bool:
        """Whether an object of this name that was not found does not exist."""
        return self.has_all(kind, namespace) or (kind, namespace, name) in self.looked_up
