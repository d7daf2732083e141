"""How people spell the fields of a structured access log, and which of them make an object one."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from grpcdoctor.texts.access_log import tokens
from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.times import envoy_time, time_of

# Field -> its spellings, in lower case and without anything but letters and digits; the first come first.
_SPELLINGS: Final = {
    "time": "starttime startutc time timestamp timeiso8601 timelocal ts datetime date msec startlocal eventtime",
    "method": "method requestmethod reqmethod httpmethod httprequestmethod verb",
    "path": "xenvoyoriginalpath originalpath path requestpath uri requesturi url requesturl urlpath httppath uripath "
    "reqpath urloriginal",
    "protocol": "protocol requestprotocol serverprotocol proto httpversion httpprotocol httprequestprotocol",
    "response_code": "responsecode statuscode httpstatuscode httpstatus downstreamstatus responsestatus status "
    "responsestatuscode httpresponsestatuscode elbstatuscode code rc",
    "flags": "responseflags responseflag responseflagslong responseflagsshort envoyresponseflags flags flag rf",
    "code_details": "responsecodedetails codedetails responsedetails details rcd",
    "connection_termination_details": "connectionterminationdetails terminationdetails",
    "transport_failure_reason": "upstreamtransportfailurereason transportfailurereason upstreamfailurereason "
    "upstreamtransportfailure transportfailure transport failurereason",
    "bytes_received": "bytesreceived bytesin requestbytes requestlength requestsize requestcontentsize receivedbytes "
    "rx",
    "bytes_sent": "bytessent bytesout responsebytes bodybytessent responsesize downstreamcontentsize sentbytes tx "
    "bytes size",
    "duration_ms": "durationms duration totalduration requestduration requesttime responseduration latencyms latency "
    "elapsedms elapsed timetaken",
    "upstream_service_time_ms": "upstreamservicetime xenvoyupstreamservicetime upstreamresponsetime originduration "
    "upstreamduration upstreamtime",
    "authority": "authority requestauthority reqauthority requesthost httphost host vhost domainname domain",
    "upstream_host": "upstreamhost upstreamremoteaddress upstreamaddr upstreamaddress upstreampeer serviceaddr "
    "upstream",
    "upstream_cluster": "upstreamcluster upstreamclusterraw upstreamclustername cluster clustername proxyupstreamname "
    "servicename backendname backend",
    "route_name": "routename route routername",
    "user_agent": "useragent httpuseragent requestuseragent agent ua useragentoriginal",
    "downstream_address": "downstreamremoteaddress downstreamaddress downstreamdirectremoteaddress clientaddr "
    "clientaddress clientip remoteaddr remoteaddress remoteip clienthost sourceaddress downstream",
    "requested_server_name": "requestedservername sni tlssni servername",
    "grpc_status": "grpcstatus grpcstatusnumber grpcstatuscode responsegrpcstatus rpcgrpcstatuscode grpccode grpc",
    "upstream_code": "upstreamstatus originstatus targetstatuscode upstreamresponsecode",
    "request_id": "requestid xrequestid reqid httprequestid",
}
FIELDS: Final = {name: (field, rank) for field, names in _SPELLINGS.items() for rank, name in enumerate(names.split())}
_IN_SECONDS: Final = frozenset({"requesttime", "upstreamresponsetime"})
_IN_NANOSECONDS: Final = frozenset({"duration", "originduration"})  # Traefik's
_OUTCOMES: Final = frozenset({"response_code", "flags", "grpc_status"})
_CONTEXT: Final = frozenset(
    {"path", "method", "protocol", "authority", "upstream_cluster", "upstream_host", "duration_ms", "code_details",
     "transport_failure_reason", "flags", "bytes_sent", "route_name"}
)  # fmt: skip
_ENOUGH_CONTEXT: Final = 2
# The names that only one proxy's own format has.
_SOURCES: Final = {
    "istio-json": frozenset({"upstreamtransportfailurereason", "connectionterminationdetails", "requestedservername"}),
    "traefik-json": frozenset({"downstreamstatus", "originstatus"}),
    "envoy-json": frozenset({"responseflags"}),
}
_NOT_ALNUM: Final = re.compile(r"[^a-z0-9]")
_LONGEST_NAME: Final = 100

Convert = Callable[[object], object]
Step = tuple[int, str, Convert]
"""Place in the entry, key in the object, what makes a value of it."""


def spelt(key: str) -> str:
    """A key in the one spelling that the table has."""
    return _spelt(key[:_LONGEST_NAME])


@lru_cache(maxsize=4096)
def _spelt(key: str) -> str:
    return _NOT_ALNUM.sub("", key.lower())


class Plan(NamedTuple):
    """How objects with the same keys become entries."""

    source: str
    texts: tuple[tuple[int, str], ...]
    """Place in the entry and key in the object of what is text."""
    steps: tuple[Step, ...]
    """The rest."""
    unknown: tuple[str, ...]
    """Keys that the table does not have."""


def plan_for(keys: tuple[str, ...]) -> Plan | None:
    """How objects with these keys become entries; None where they are no access log."""
    chosen: dict[str, tuple[int, str]] = {}
    for key in keys:
        field, rank = FIELDS.get(spelt(key)) or FIELDS.get(spelt(key.rpartition("\0")[2]), ("", 0))
        if field and (field not in chosen or rank < chosen[field][0]):
            chosen[field] = (rank, key)
    if not chosen.keys() & _OUTCOMES or len(chosen.keys() & _CONTEXT) < _ENOUGH_CONTEXT:
        return None
    names = {spelt(key) for key in keys}
    source = next((source for source, signs in _SOURCES.items() if names >= signs), "json")
    texts, steps = [], []
    for field, (_, key) in chosen.items():
        place, convert = Entry._fields.index(field), _converter(field, spelt(key), source)
        if convert is None:
            texts.append((place, key))
        else:
            steps.append((place, key, convert))
    unknown = tuple(key for key in keys if spelt(key) not in FIELDS)
    return Plan(source, tuple(texts), tuple(steps), unknown)


def _converter(field: str, name: str, source: str) -> Convert | None:
    if field in {"duration_ms", "upstream_service_time_ms"}:
        if name in _IN_SECONDS:
            return lambda value: tokens.milliseconds(value, 1000.0)
        if source == "traefik-json" and name in _IN_NANOSECONDS:
            return lambda value: tokens.milliseconds(value, 1e-6)
        return tokens.milliseconds
    return _CONVERTERS.get(field)


def text_of(value: object) -> str:
    """Text as it is; numbers as text; nothing for Envoy's `-` and for null."""
    if isinstance(value, str):
        return "" if value == "-" else value
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def _time(value: object) -> float | None:
    return envoy_time(value) if isinstance(value, str) else time_of(value)


def _count(value: object) -> int:
    return tokens.number(value) or 0


def _flags(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        value = ",".join(str(each) for each in value[:8])
    return tokens.flags(value[:200]) if isinstance(value, str) else ()


_CONVERTERS: Final[dict[str, Convert]] = {
    "time": _time,
    "response_code": tokens.code,
    "upstream_code": tokens.code,
    "flags": _flags,
    "bytes_received": _count,
    "bytes_sent": _count,
    "grpc_status": tokens.grpc_status,
}
