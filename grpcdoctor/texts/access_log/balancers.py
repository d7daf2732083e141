"""haproxy's httplog and the access log of AWS' Application Load Balancer."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.requests import split_request
from grpcdoctor.texts.access_log.times import time_of
from grpcdoctor.texts.access_log.tokens import code, milliseconds, number, said

# HAProxy configuration manual §8.2.3: frontend backend/server TR/Tw/Tc/Tr/Ta status bytes cookies state conns queues
_HAPROXY: Final = re.compile(
    r" (\S+) ([^\s/]+)/(\S+) -?\d+/-?\d+/-?\d+/(-?\d+)/\+?(\d+) (-1|\d{3}) \+?(\d+)"
    r" \S+ \S+ ([\w-]{4}) [\d+/]+ \d+/\d+ ",
    re.ASCII,
)


def parse_haproxy(line: str, start: int, end: int, time: str) -> Entry | None:
    """The entry, given where the bracketed time is in the line."""
    found = _HAPROXY.match(line, end)
    before = line[max(0, start - 300) : start].split()
    if found is None or not before:
        return None
    frontend, backend, server, upstream, lasted, result, sent, state = found.groups()
    request = line[found.end() :].partition('"')[2].rpartition('"')[0]
    method, path, protocol, authority = split_request(request)
    return Entry(
        source="haproxy",
        time=time_of(time),
        method=method,
        path=path,
        protocol=protocol,
        response_code=code(result) if result != "-1" else 0,
        code_details=state if state != "----" else "",
        bytes_sent=number(sent) or 0,
        duration_ms=milliseconds(lasted),
        upstream_service_time_ms=milliseconds(upstream),
        authority=authority,
        upstream_host=server if server != "<NOSRV>" else "",
        upstream_cluster=backend,
        route_name=frontend.rstrip("~"),
        downstream_address=before[-1],
    )


ALB_START: Final = re.compile(r"(?:^|\s)(?:https?|h2|grpcs?|wss?) \d{4}-\d\d-\d\dT[\d:.]{8,20}Z app/", re.ASCII)
# type time elb client target request-time target-time response-time elb-status target-status received sent
_ALB_FIELDS: Final = 12
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


def parse_alb(line: str) -> Entry | None:
    """The entry of a line that begins with its type."""
    words = line.partition('"')[0].split()
    quoted = _QUOTED.findall(line)
    if len(words) < _ALB_FIELDS or not quoted:
        return None
    _kind, time, name, client, target, *figures = words[:_ALB_FIELDS]
    times, result, target_result, received, sent = figures[:3], *figures[3:]
    method, path, protocol, authority = split_request(quoted[0])
    # "request" "agent" "trace" "domain" "certificate" "actions" "redirect" "error reason" …
    agent, domain, reason = (quoted[at] if len(quoted) > at else "" for at in (1, 3, 7))
    parts = [milliseconds(each, 1000.0) for each in times]
    lasted = [each for each in parts if each is not None]
    return Entry(
        source="aws-alb",
        time=time_of(time),
        method=method.removeprefix("GRPC-"),
        path=path,
        protocol=protocol,
        response_code=code(result),
        code_details=said(reason),
        bytes_received=number(received) or 0,
        bytes_sent=number(sent) or 0,
        duration_ms=sum(lasted) if lasted else None,
        upstream_service_time_ms=parts[1],
        authority=authority or said(domain),
        upstream_host=said(target),
        upstream_cluster=name,
        user_agent=said(agent),
        downstream_address=client,
        requested_server_name=said(domain),
        upstream_code=code(target_result),
    )
