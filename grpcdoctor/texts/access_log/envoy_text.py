"""Envoy's and Istio's default TEXT formats, by position: this is the path that has to be fast.

A line is cut at its quotes first, and how many pieces come out tells the format:

  13  Envoy:              [time] "request" code flags in out ms upstream-ms "xff" "agent" "id" "authority" "host"
  15  Istio >= 1.9:       [time] "request" code flags details termination "transport" in out ms … "host" cluster …
  17  Istio 1.1 to 1.8:   [time] "request" code flags "mixer" "transport" in out ms … "host" cluster …

What recurs (the request, the outcome) is read once and remembered.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.times import envoy_time
from grpcdoctor.texts.access_log.tokens import code, flags, is_flags, number, said

_MOST_REMEMBERED: Final = 20_000
_LONGEST_REMEMBERED: Final = 512
# Tokens behind the last quote: cluster, own address, local address, remote address, SNI and, since 1.2, the route.
_TAIL: Final = 5
_LONGEST_FIGURES: Final = 72


# Flags that are newer than this program too: here the place says that they are some.
_FLAGS: Final = re.compile(r"-|[A-Z][A-Z0-9_]{1,15}(?:,[A-Z][A-Z0-9_]{1,15}){0,7}")


class _Request(NamedTuple):
    method: str
    path: str
    protocol: str


class _Outcome(NamedTuple):
    response_code: int
    flags: tuple[str, ...]
    details: str
    termination: str


_requests: dict[str, _Request] = {}
_outcomes: dict[str, _Outcome] = {}


def request_of(text: str) -> _Request | None:
    """`POST /lab.Greeter/SayHello HTTP/2`, or `- - -` where it was no HTTP."""
    known = _requests.get(text)
    if known is not None:
        return known
    method, _, rest = text.partition(" ")
    path, _, protocol = rest.rpartition(" ")
    if not (protocol.startswith("HTTP/") or text == "- - -") or not (method == "-" or method.isalpha()):
        return None
    request = _Request(said(method), said(path), said(protocol))
    if len(_requests) < _MOST_REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
        _requests[text] = request
    return request


def outcome_of(text: str) -> _Outcome | None:
    """` 503 UF upstream_reset… - `; the last two are missing in older formats."""
    known = _outcomes.get(text)
    if known is not None:
        return known
    words = text.split()
    value = code(words[0]) if 2 <= len(words) <= 4 else None
    if value is None or not (_FLAGS.fullmatch(words[1]) or is_flags(words[1])):
        return None
    details, termination = (*words[2:], "", "")[:2]
    outcome = _Outcome(value, flags(words[1]), said(details), said(termination))
    if len(_outcomes) < _MOST_REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
        _outcomes[text] = outcome
    return outcome


def parse_envoy_text(line: str) -> Entry | None:
    """The entry, or None where the line is not exactly one of these formats."""
    parts = line.split('"')
    layout = _LAYOUTS.get(len(parts))
    if layout is None or line[0] != "[" or parts[0][-2:] != "] ":
        return None
    source, at, middle = layout
    request = request_of(parts[1])
    if source == "envoy-text":
        result, _, figures = parts[2][1:].partition(" ")
        kinds, _, figures = figures.partition(" ")
        outcome = outcome_of(f"{result} {kinds}")
        transport = "-"
    else:
        outcome, transport, figures = outcome_of(parts[2]), parts[middle], parts[middle + 1]
    counts = figures.split()
    if request is None or outcome is None or len(counts) != 4 or len(figures) > _LONGEST_FIGURES:
        return None
    if source == "envoy-text" and not parts[-1].isspace() and parts[-1]:
        return None
    return _entry(source, (parts[0], transport, *parts[at::2], parts[-1]), request, outcome, counts)


# Pieces -> the name, the place of X-Forwarded-For, and that of the transport failure.
_LAYOUTS: Final = {13: ("envoy-text", 3, 0), 15: ("istio-text", 5, 3), 17: ("istio-text-old", 7, 5)}


def _entry(
    source: str, quoted: tuple[str, ...], request: _Request, outcome: _Outcome, counts: list[str]
) -> Entry | None:
    head, transport, _forwarded, agent, request_id, authority, host, last = quoted
    tail = last.split()
    if len(tail) < _TAIL:
        tail = [*tail, *("-",) * (_TAIL - len(tail))]
    received, sent, lasted, upstream = counts
    try:
        received_bytes, sent_bytes = int(received), int(sent)
        duration = int(lasted)
    except ValueError:
        return None
    if received_bytes | sent_bytes | duration < 0:
        return None
    time = envoy_time(head[1:-2])
    if time is None:  # a prefix in brackets, as kubectl's [pod/name/container], and the time behind it
        return None
    return Entry(
        source,
        time,
        request.method,
        request.path,
        request.protocol,
        outcome.response_code,
        outcome.flags,
        outcome.details,
        outcome.termination,
        "" if transport == "-" else transport,
        received_bytes,
        sent_bytes,
        duration,
        None if upstream == "-" else number(upstream),
        "" if authority == "-" else authority,
        "" if host == "-" else host,
        "" if tail[0] == "-" else tail[0],
        said(tail[5]) if len(tail) > 5 else "",
        "" if agent == "-" else agent,
        "" if tail[3] == "-" else tail[3],
        "" if tail[4] == "-" else tail[4],
        None,
        None,
        "" if request_id == "-" else request_id,
    )
