"""The common log's family: nginx, ingress-nginx, Kong, Apache, Traefik. `host - user [time] "request" code bytes …`."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.requests import split_request
from grpcdoctor.texts.access_log.times import time_of
from grpcdoctor.texts.access_log.tokens import code, milliseconds, number, said

COMMON_TIME: Final = re.compile(r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d[^\]]{0,12})\]", re.ASCII)
_AFTER_TIME: Final = re.compile(
    r' "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d{1,15}|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?', re.ASCII
)
# ingress-nginx: length, time, [namespace-service-port], [alternative], upstream's address, length, time, status, id.
# After a retry there are several of the last four, with ", " between them.
_INGRESS_NGINX: Final = re.compile(r" (\d+) ([\d.]+) \[([^\]]*)\] \[([^\]]*)\] (\S+) (\S+) (\S+) (\S+) (\S+)", re.ASCII)
_TRAEFIK: Final = re.compile(r' (\d+) "([^"]*)" "([^"]*)" (\d+)ms', re.ASCII)
# What people add to nginx's format so often that it is nearly a standard.
_ADDED: Final = re.compile(r"\b(rt|request_time|urt|upstream_response_time)[=:]\"?([\d.]{1,16})", re.ASCII)


def parse_common(line: str, start: int, end: int, time: str) -> Entry | None:
    """The entry, given where the bracketed time is in the line."""
    found = _AFTER_TIME.match(line, end)
    before = line[max(0, start - 300) : start].split()
    if found is None or len(before) < 3:
        return None
    request, result, sent, _referer, agent = found.groups()
    method, path, protocol, authority = split_request(request)
    entry = Entry(
        source="nginx",
        time=time_of(time),
        method=method,
        path=path,
        protocol=protocol,
        response_code=code(result),
        bytes_sent=number(sent) or 0,
        authority=authority,
        user_agent=said(agent or ""),
        downstream_address=said(before[-3]),
    )
    return _more(entry, line[found.end() :])


def _more(entry: Entry, rest: str) -> Entry:
    """What a format has behind the combined log's fields."""
    found = _INGRESS_NGINX.match(rest.replace(", ", ","))
    if found is not None:
        received, lasted, name, _other, address, _length, upstream, status, identity = found.groups()
        return entry._replace(
            source="ingress-nginx",
            bytes_received=number(received) or 0,
            duration_ms=milliseconds(lasted, 1000.0),
            upstream_cluster=said(name),
            upstream_host=said(_last(address)),
            upstream_service_time_ms=milliseconds(_last(upstream), 1000.0),
            upstream_code=code(_last(status)),
            request_id=said(identity),
        )
    found = _TRAEFIK.match(rest)
    if found is not None:
        _count, router, server, lasted = found.groups()
        host = said(server).partition("://")[2] or said(server)
        return entry._replace(
            source="traefik", route_name=said(router), upstream_host=host, duration_ms=milliseconds(lasted)
        )
    added = dict(_ADDED.findall(rest))
    return entry._replace(
        duration_ms=milliseconds(added.get("rt") or added.get("request_time"), 1000.0),
        upstream_service_time_ms=milliseconds(added.get("urt") or added.get("upstream_response_time"), 1000.0),
    )


def _last(words: str) -> str:
    """The last attempt of several."""
    return words.rpartition(",")[2]
