"""Emissary's Mappings as RouteRules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.cluster.fields import flag_at, mapping_at, number_at, text_at
from grpcdoctor.cluster.ingress.emissary import EMISSARY, address_of
from grpcdoctor.cluster.ingress.ingresses import backend_of, entrance_of, place_of
from grpcdoctor.cluster.kinds import EMISSARY_MAPPING, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Match, PathKind, RouteRule
from grpcdoctor.cluster.snapshot import Cluster

KINDS: Final[tuple[Kind, ...]] = (EMISSARY_MAPPING,)
_CONDITIONS: Final = ("headers", "regex_headers", "method", "query_parameters", "regex_query_parameters")


def mappings(cluster: Cluster) -> Iterator[RouteRule]:
    for item in cluster.all(EMISSARY_MAPPING):
        spec = item.spec
        if text_at(spec, "redirect") or flag_at(spec, "host_redirect") is True:
            continue
        host = text_at(spec, "hostname") or text_at(spec, "host")
        hosts = (host.lower(),) if host and host != "*" else ()
        # Which Hosts terminate TLS is not looked into: port and TLS are those of a usual installation.
        entrance = entrance_of(cluster, EMISSARY, item, hosts[0] if hosts else "", ("spec",))
        yield RouteRule(
            platform=EMISSARY.platform,
            object=item,
            path=("spec",),
            hosts=hosts,
            entrances=(entrance,),
            backends=tuple(_backends(cluster, item)),
            matches=(_match(item),),
            declares_grpc=flag_at(spec, "grpc") is True,
        )


def _backends(cluster: Cluster, item: Object) -> Iterator[Backend]:
    address = address_of(text_at(item.spec, "service"), item.namespace)
    if address is not None:
        namespace, name, port, _ = address
        place = place_of(cluster, item, ("spec", "service"), namespace, name, port)
        yield backend_of(cluster, EMISSARY, place, port, namespace, number_at(item.spec, "weight"))


def _match(item: Object) -> Match:
    spec = item.spec
    others = any(mapping_at(spec, word) or text_at(spec, word) for word in _CONDITIONS)
    value = text_at(spec, "prefix")
    kind = PathKind.PREFIX
    if flag_at(spec, "prefix_regex") is True:
        kind = PathKind.REGEX
    elif flag_at(spec, "prefix_exact") is True:
        kind = PathKind.EXACT
    return Match(kind, value, ("spec", "prefix"), others)
