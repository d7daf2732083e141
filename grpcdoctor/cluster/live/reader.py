"""Reader: a Cluster from a live API server, in four rounds, each in parallel.

What is served (discovery); every kind as a list over all namespaces; what was refused there, or is too much, namespace
by namespace; at last the ConfigMaps and Secrets that what was read refers to, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final

from grpcdoctor.cluster.coverage import Coverage
from grpcdoctor.cluster.kinds import CONFIG_MAP, KINDS, NAMESPACE, SECRET, SERVICE, Kind
from grpcdoctor.cluster.live.answers import Asker, Failure
from grpcdoctor.cluster.live.blind import Miss, blind_spots
from grpcdoctor.cluster.live.config_maps import needed_config_maps
from grpcdoctor.cluster.live.connection import PARALLEL, Connection
from grpcdoctor.cluster.live.crew import Job, run_all
from grpcdoctor.cluster.live.discovery import Resource, Source, discover
from grpcdoctor.cluster.live.paging import Listing, Lookup
from grpcdoctor.cluster.live.scope import BULKY, gateway_namespaces, listed
from grpcdoctor.cluster.live.secrets import referred_secrets
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.wire.deadline import Deadline

Progress = Callable[[int, int, str], None]
"""(pieces of reading that are done, pieces known so far, what was read last)."""

DEADLINE_SECONDS: Final = 60.0
MOST_SECRETS: Final = 1000
"""Requests by name: at eight at a time some ten seconds of them."""


def read_cluster(
    connection: Connection,
    *,
    kinds: Iterable[Kind] = KINDS,
    namespaces: Sequence[str] | None = None,
    progress: Progress | None = None,
    secrets: bool = True,
    deadline_seconds: float = DEADLINE_SECONDS,
    beside: Cluster | None = None,
) -> Cluster:
    """What the cluster has of these kinds; what it did not show is among the blind spots, nothing is raised.

    `namespaces`: see `scope`. `secrets`: those that gateways refer to are read by name, and reduced to what is public.
    `beside`: what was read before. Its objects refer to Secrets and ConfigMaps as well; they are not in the result.
    """
    over = f"the time for reading the cluster ({deadline_seconds:g} s) was over"
    asker = Asker(connection, Deadline.after(deadline_seconds), over)
    wanted = frozenset(kinds) - (frozenset() if secrets else {SECRET})
    try:
        return _Reading(connection, asker, wanted, namespaces, progress, beside).read()
    finally:
        asker.stop.set()  # for threads that are left, after the deadline or Ctrl-C


class _Reading:
    def __init__(
        self,
        connection: Connection,
        asker: Asker,
        kinds: frozenset[Kind],
        namespaces: Sequence[str] | None,
        progress: Progress | None,
        beside: Cluster | None,
    ) -> None:
        self._connection, self._asker, self._kinds, self._progress = connection, asker, kinds, progress
        self._namespaces = tuple(dict.fromkeys(namespaces)) if namespaces is not None else None
        self._beside = beside.objects if beside is not None else ()
        self._sources: dict[Kind, tuple[Source, ...]] = {}
        self._jobs: list[Listing | Lookup] = []
        self._done = 0
        self._misses: list[Miss] = []
        self._spots: list[BlindSpot] = []
        self._covered: dict[Kind, frozenset[str] | None] = {}

    def read(self) -> Cluster:
        everywhere = [kind for kind in listed(self._kinds) if self._namespaces is None or kind not in BULKY]
        apart = [kind for kind in listed(self._kinds) if kind not in everywhere]
        self._sources = discover(self._asker, [*everywhere, *apart], PARALLEL)
        refused = self._everywhere(everywhere)
        self._in_namespaces(refused, apart)
        self._namespaces_by_name()
        self._by_name()
        spots = (*self._spots, *blind_spots(self._misses))
        looked_up = frozenset(
            (job.kind, job.namespace, job.name) for job in self._jobs if isinstance(job, Lookup) and job.complete
        )
        coverage = Coverage(self._covered, looked_up)
        return Cluster(self._objects(), coverage, spots, name=self._connection.context)

    def _everywhere(self, kinds: Sequence[Kind]) -> dict[Kind, Failure]:
        """Lists each kind over all namespaces. What is refused comes back: a namespace at a time may be allowed."""
        jobs = {kind: [Listing(kind, source) for source in self._sources[kind]] for kind in kinds}
        self._run([job for each in jobs.values() for job in each])
        refused: dict[Kind, Failure] = {}
        for kind, own in jobs.items():
            failure = next((job.failure for job in own if job.failure is not None), None)
            if failure is None:
                self._covered[kind] = None
            elif failure.status == 403 and kind.namespaced:
                refused[kind] = failure
            else:
                blocks = self._namespaces is None or failure.status != 403
                self._misses.append(Miss(kind, failure, blocks_verdict=blocks))
        return refused

    def _in_namespaces(self, refused: dict[Kind, Failure], apart: Sequence[Kind]) -> None:
        own = self._namespaces if self._namespaces is not None else (self._connection.namespace,)
        entrances = gateway_namespaces(self._found(SERVICE)) | set(own) if apart else set()
        places = {kind: tuple(own) for kind in refused}
        places.update({kind: (*own, *sorted(self._existing(entrances) - set(own))) for kind in apart})
        jobs = [
            Listing(kind, source, namespace)
            for kind, spaces in places.items()
            for source in self._sources[kind]
            for namespace in spaces
        ]
        self._run(jobs)
        for kind in places:
            mine = [job for job in jobs if job.kind is kind]
            failed = {job.namespace: job.failure for job in mine if job.failure is not None}
            self._covered[kind] = frozenset(places[kind]) - frozenset(failed)
            self._note(kind, own, failed, refused.get(kind))

    def _note(
        self, kind: Kind, own: Sequence[str], failed: dict[str, Failure], everywhere: Failure | None
    ) -> None:
        """The misses of a kind that was read namespace by namespace."""
        asked = self._namespaces is not None
        if everywhere is not None:
            read_in = tuple(namespace for namespace in own if namespace not in failed)
            # The user asked for some namespaces: the others are worth a word, not a verdict.
            self._misses.append(Miss(kind, everywhere, read_in=read_in, blocks_verdict=not asked))
            if not asked:
                return  # "in all namespaces" says it for this one, too
        for namespace, failure in failed.items():
            self._misses.append(Miss(kind, failure, namespace, blocks_verdict=namespace in own))

    def _namespaces_by_name(self) -> None:
        """Says which of the namespaces asked for is not there; reads those that may not be listed one by one."""
        if NAMESPACE not in self._kinds:
            return
        known = {item.name for item in self._found(NAMESPACE)}
        asked = self._namespaces or ()
        missing = [name for name in asked if name not in known]
        if NAMESPACE not in self._covered:
            names = self._namespaces or (self._connection.namespace,)
            lookups = [Lookup(_resource(NAMESPACE), "", name) for name in names if name not in known]
            self._run(lookups)
            missing = [job.name for job in lookups if job.complete and job.found is None and job.name in asked]
        for name in missing:
            guess = get_close_matches(name, known, 1)
            why = f"{self._connection.context} has no namespace of this name"
            why += f"; did you mean {guess[0]}?" if guess else ""
            self._spots.append(BlindSpot(f"namespace {name}", why, "kubectl get namespaces"))

    def _by_name(self) -> None:
        read = Cluster((*self._beside, *self._objects()), Coverage(self._covered))
        jobs: list[tuple[Lookup, bool]] = []
        if CONFIG_MAP in self._kinds:
            needed = needed_config_maps(read)
            jobs += [(Lookup(_resource(CONFIG_MAP), *name), sure) for name, sure in sorted(needed.items())]
        if SECRET in self._kinds:
            names = sorted(referred_secrets(read))
            jobs += [(Lookup(_resource(SECRET), *name), True) for name in names[:MOST_SECRETS]]
            if len(names) > MOST_SECRETS:
                why = f"gateways refer to {len(names):,} of them; the first {MOST_SECRETS:,} were read"
                self._spots.append(BlindSpot("some secrets", why, blocks_verdict=False))
        self._run([job for job, _ in jobs])
        for job, sure in jobs:
            # A guess that there was no time to look at is not worth a word.
            if job.failure is not None and (sure or job.failure is not self._asker.time_over):
                self._misses.append(Miss(job.kind, job.failure, job.namespace, job.name, blocks_verdict=sure))

    def _existing(self, namespaces: set[str]) -> set[str]:
        """Without those that are known not to exist."""
        if NAMESPACE not in self._covered:
            return namespaces
        return namespaces & {item.name for item in self._found(NAMESPACE)}

    def _run(self, jobs: Sequence[Listing | Lookup]) -> None:
        self._jobs += jobs
        run_all(jobs, self._asker, PARALLEL, self._tell)

    def _tell(self, job: Job) -> None:
        if isinstance(job, (Listing, Lookup)) and self._progress is not None:
            self._progress(sum(each.done for each in self._jobs), len(self._jobs), job.title)

    def _objects(self) -> list[Object]:
        return [item for job in self._jobs for item in _objects_of(job)]

    def _found(self, kind: Kind) -> Iterator[Object]:
        return (item for job in self._jobs if job.kind is kind for item in _objects_of(job))


def _objects_of(job: Listing | Lookup) -> tuple[Object, ...]:
    if isinstance(job, Listing):
        return tuple(job.objects)  # a copy: after the deadline a thread may still be adding to it
    return (job.found,) if job.found is not None else ()


def _resource(kind: Kind) -> Resource:
    """Of the core group, which is served at v1 wherever there is an API server."""
    return Resource(kind, "", kind.versions[0], kind.plural)
