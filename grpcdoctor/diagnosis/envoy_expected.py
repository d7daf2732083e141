"""What the objects of a cluster lead one to expect of an Envoy, and where its own word differs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from grpcdoctor.checks.envoy.envoy_differs_from_config import difference
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.paths import Path
from grpcdoctor.model.expected import Expected
from grpcdoctor.model.facts.envoy import EnvoyBackend, EnvoyFacts
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.report import DecidedBy, Hop, HopPath
from grpcdoctor.model.run import Run

_TOLD: Final = (Spoken.H2, Spoken.HTTP1, Spoken.SAME)


def expected_of(paths: Iterable[Path]) -> tuple[Expected, ...]:
    """Of every Service that a gateway sends calls to."""
    found = (_expected(path) for path in paths)
    return tuple(dict.fromkeys(item for item in found if item is not None))


def _expected(path: Path) -> Expected | None:
    backend = path.backend
    if backend.service is None or backend.port_number is None or backend.upstream.spoken not in _TOLD:
        return None
    spoken, decision = backend.upstream.spoken.value, backend.upstream.decision
    service = backend.service
    return Expected(service.namespace, service.name, backend.port_number, spoken, decision.reason)


def differing(run: Run, paths: Iterable[Path]) -> tuple[Finding, ...]:
    """What the Envoy that the probe asked does otherwise."""
    facts = run.get(EnvoyFacts)
    found = [] if facts is None else [
        difference(expected, backend.name, backend.version, backend.version_field)
        for expected in expected_of(paths)
        for backend in facts.backends
        if expected.is_cluster(backend.name)
    ]  # fmt: skip
    return tuple(item for item in found if item is not None)


def by_own_word(run: Run, shown: tuple[HopPath, ...], paths: tuple[Path, ...]) -> tuple[HopPath, ...]:
    """The paths by the objects, with Envoy's own word on the legs that it knows: what it does counts."""
    facts = run.get(EnvoyFacts)
    if facts is None or len(shown) != len(paths):
        return shown
    return tuple(replace(item, hops=tuple(_hops(item, path, facts))) for item, path in zip(shown, paths, strict=True))


def _hops(item: HopPath, path: Path, facts: EnvoyFacts) -> Iterator[Hop]:
    expected = _expected(path)
    backend = next((b for b in facts.backends if expected is not None and expected.is_cluster(b.name)), None)
    for hop in item.hops:
        leaves_gateway = hop.source_kind == "gateway" and hop.destination_kind != "gateway"
        yield _told(hop, backend) if backend is not None and leaves_gateway and backend.version else hop


def _told(hop: Hop, backend: EnvoyBackend) -> Hop:
    decided = DecidedBy("Envoy cluster", name=backend.name, field=backend.version_field or None, value=backend.version)
    if backend.version == hop.protocol or backend.version in ("same-as-client", "by-alpn"):
        return hop
    return replace(hop, protocol=backend.version, decided_by=decided, reason="by Envoy's own word")
