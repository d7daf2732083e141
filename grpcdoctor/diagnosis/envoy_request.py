"""From the way of one request through an Envoy to what a report shows of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.diagnosis.envoy_clusters import shown_endpoint, tls_name, tls_words
from grpcdoctor.diagnosis.envoy_view import action_words, retry_words, shown_limit
from grpcdoctor.envoy.request import Destination, Explanation, Outcome
from grpcdoctor.model.envoy import ShownDestination, ShownFilter, ShownRequest, ShownStep
from grpcdoctor.model.report import DecidedBy, Hop


def shown_request(found: Explanation, word: str) -> ShownRequest:
    return ShownRequest(
        input=word,
        outcome=found.outcome.value,
        symptom=found.symptom,
        tls=found.tls,
        steps=tuple(_steps(found)),
        destinations=tuple(map(_destination, found.destinations)),
        limits=tuple(shown_limit(item.name, item.limit, item.owner, item.note) for item in found.limits),
        retries=retry_words(found.route),
        filters=tuple(ShownFilter(item.kind, item.on, item.note, item.acts) for item in found.filters),
        near_misses=found.near_misses,
        notes=found.notes,
        also=found.also,
    )


def _steps(found: Explanation) -> Iterator[ShownStep]:
    listener, chain = found.listener, found.chain
    if listener is None:
        yield ShownStep("listener", "", found.listener_why)
        return
    yield ShownStep("listener", f"{listener.name} {listener.address}".strip(), found.listener_why)
    if chain is None:
        yield ShownStep("chain", "", found.chain_why)
        return
    name = f"{chain.name}: " if chain.name else ""
    taken = "what no other chain takes" if chain.is_default else chain.match.words
    yield ShownStep("chain", f"{name}{taken}, speaks {chain.speaks}", found.chain_why)
    if found.outcome is Outcome.WRONG_TRANSPORT or found.manager is None:
        return
    if found.routes is None:
        yield ShownStep("routes", "", "; ".join(found.notes))
        return
    yield from _routing_steps(found)


def _routing_steps(found: Explanation) -> Iterator[ShownStep]:
    routes = "" if found.routes is None else found.routes.name
    if found.host is None:
        yield ShownStep("host", "", f"no domain of {routes or 'its routes'} takes {found.request.authority}")
        return
    name = found.host.virtual_host.name
    yield ShownStep("host", found.host.domain, f"virtual host {name}" + (f" in {routes}" if routes else ""))
    if found.route is None:
        count = len(found.host.virtual_host.routes)
        yield ShownStep("route", "", f"none of {count} route{'s' if count != 1 else ''} takes {found.request.path}")
        return
    title = f" ({found.route.name})" if found.route.name else ""
    yield ShownStep("route", f"#{found.route.index + 1} {found.route.match_words}{title}", action_words(found.route))


def _destination(item: Destination) -> ShownDestination:
    cluster = item.cluster
    if cluster is None:
        return ShownDestination(item.name, round(item.share, 3), False, "unknown", "unknown", "", ())
    known = bool(cluster.raw)
    return ShownDestination(
        cluster=item.name,
        share=round(item.share, 3),
        exists=True,
        protocol=cluster.http.version.value if known else "unknown",
        tls=tls_words(cluster)[0] if known else "unknown",
        decided_by=cluster.http.field if known else "",
        endpoints=tuple(shown_endpoint(cluster, endpoint) for endpoint in cluster.endpoints),
    )


def request_hops(found: Explanation) -> Iterator[Hop]:
    """Client to listener, listener to each cluster."""
    if found.listener is None or found.chain is None:
        return
    spoken = "tcp" if found.manager is None else "http/1.1" if found.manager.codec == "HTTP1" else "h2"
    tls = "TLS" if found.chain.tls is not None else None
    yield Hop("client", found.listener.name, spoken, tls, source_kind="client", destination_kind="gateway")
    for item in found.destinations:
        if item.cluster is not None and item.cluster.raw:
            yield cluster_hop(found.listener.name, item)


def cluster_hop(source: str, item: Destination) -> Hop:
    cluster = item.cluster
    assert cluster is not None
    word, _ = tls_words(cluster)
    decided = DecidedBy("Envoy cluster", name=item.name, field=cluster.http.field or None)
    return Hop(
        source,
        item.name,
        cluster.http.version.value,
        None if word == tls_name(None) else word,
        decided,
        cluster.http.reason,
        source_kind="gateway",
        destination_kind="service",
    )
