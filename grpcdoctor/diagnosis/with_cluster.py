"""A probe's report and what the cluster behind the endpoint says, as one report. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from grpcdoctor.cluster.entrance_addresses import EntranceAddress
from grpcdoctor.cluster.paths import Path, paths_for
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.cluster_causes import cluster_causes, objects_of
from grpcdoctor.diagnosis.cluster_hops import hop_paths, objects_on
from grpcdoctor.diagnosis.correlate import causes_of, verdict_of
from grpcdoctor.diagnosis.envoy_expected import by_own_word, differing
from grpcdoctor.diagnosis.inspection import judge_cluster
from grpcdoctor.diagnosis.suppression import Suppression
from grpcdoctor.diagnosis.witnesses import join
from grpcdoctor.model.facts.grpc import ReflectionFacts
from grpcdoctor.model.facts.reach import IngressFacts
from grpcdoctor.model.finding import BlindSpot, Evidence, Finding
from grpcdoctor.model.report import Cause, Report, Scope, ServiceRoute
from grpcdoctor.model.run import Run

# Every server has these; nobody misses a route for them but the rules that are about them.
_HOUSEKEEPING = ("grpc.reflection.", "grpc.channelz.")


@dataclass(frozen=True, slots=True)
class Witness:
    """A cluster that was read for one host."""

    cluster: Cluster
    scope: Scope
    host: str
    suppression: Suppression = field(default_factory=Suppression)

    @property
    def knows_host(self) -> bool:
        return bool(paths_for(self.cluster, self.host)) or bool(objects_on(self.cluster, (), self.host))


def heard(report: Report, run: Run, witness: Witness) -> Report:
    """The report with the cluster's findings about the objects that requests for the host meet."""
    cluster, host = witness.cluster, witness.host
    chosen = paths_for(cluster, host)
    findings, unseen = judge_cluster(cluster)
    met = objects_on(cluster, chosen, host)
    about = tuple(f for f in findings if not met.isdisjoint(objects_of(f)))
    kept, suppressed = witness.suppression.apply(about, cluster)
    kept = (*kept, *differing(run, chosen))
    joined = join(report.findings, kept)
    causes = _causes(report.findings, joined.findings[len(report.findings) :], joined.explained, run)
    blind_spots = tuple(dict.fromkeys((*report.blind_spots, *(_milder(spot) for spot in unseen))))
    shown = by_own_word(run, hop_paths(cluster, kept, host), chosen)
    return replace(
        report,
        findings=joined.findings,
        causes=causes,
        verdict=verdict_of(causes, blind_spots),
        blind_spots=blind_spots,
        hops=(*report.hops[:1], *dict.fromkeys(hop for path in shown for hop in path.hops)) if shown else report.hops,
        paths=shown,
        scope=replace(witness.scope, host=host, objects=len(cluster.objects)),
        service_routes=service_routes(run, chosen),
        suppressed=tuple(sorted(suppressed.items())),
    )


def ingress_facts(address: EntranceAddress, resolved: tuple[str, ...] = ()) -> IngressFacts:
    """What the checks about the way in read."""
    return IngressFacts(
        object_kind=address.object.kind.name,
        namespace=address.object.namespace,
        name=address.object.name,
        addresses=address.addresses,
        resolved_addresses=resolved,
        pending=address.pending,
        external_addresses=address.external,
    )


def service_routes(run: Run, chosen: Sequence[Path]) -> tuple[ServiceRoute, ...]:
    """For each service that reflection lists the first route that takes its methods, in the order of the paths."""
    reflection = run.get(ReflectionFacts)
    if reflection is None or not chosen:
        return ()
    names = [name for name in reflection.services if not name.startswith(_HOUSEKEEPING)]
    return tuple(_service_route(name, chosen) for name in names)


def _service_route(name: str, chosen: Sequence[Path]) -> ServiceRoute:
    method = f"/{name}/Method"
    for path in chosen:
        matches = path.rule.matches
        if not matches or any(match.takes(method) for match in matches):
            return ServiceRoute(name, f"{path.rule.object.title}", path.backend.title)
    return ServiceRoute(name, None)


def _milder(spot: BlindSpot) -> BlindSpot:
    """The wire has answered; what the cluster did not show keeps no verdict open."""
    return replace(spot, blocks_verdict=False)


def _causes(
    wire: Sequence[Finding], configuration: Sequence[Finding], explained: dict[int, Finding], run: Run
) -> tuple[Cause, ...]:
    """The wire's causes and the cluster's; a symptom goes under the configuration that explains it."""
    symptoms = causes_of(wire, run)
    under: dict[int, list[Cause]] = {}
    left: list[Cause] = []
    for cause in symptoms:
        found = explained.get(id(cause.root))
        if found is None:
            left.append(cause)
        else:
            under.setdefault(id(found), []).append(cause)
    proven = [_with(c, under) for c in cluster_causes(configuration)]
    return tuple(sorted((*left, *(cause for cause, _ in proven)), key=lambda c: _rank(c, under)))


def _with(cause: Cause, under: dict[int, list[Cause]]) -> tuple[Cause, bool]:
    folded = [one for f in (cause.root, *cause.consequences) for one in under.get(id(f), ())]
    if not folded:
        return cause, False
    consequences = (*cause.consequences, *(f for one in folded for f in (one.root, *one.consequences)))
    opinion = tuple(item for one in folded for item in one.evidence if item.ref == "grpcio")
    return replace(cause, consequences=consequences, evidence=_unique((*cause.evidence, *opinion))), True


def _unique(items: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(items))


def _rank(cause: Cause, under: dict[int, list[Cause]]) -> tuple[int, bool, int, float]:
    """What both witnesses name comes before what one of them says."""
    proven = any(id(f) in under for f in (cause.root, *cause.consequences))
    return cause.severity.rank, not proven, cause.root.rule.layer.value, -cause.confidence


