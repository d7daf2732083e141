"""TEXT formats of people's own: a quoted request, a status, and words that are known by their form; also key=value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.field_names import plan_for
from grpcdoctor.texts.access_log.requests import split_request
from grpcdoctor.texts.access_log.shapes import ADDRESS, CLUSTER, DETAILS, HOST, SERVER_NAME
from grpcdoctor.texts.access_log.structured import entry_by
from grpcdoctor.texts.access_log.times import time_of
from grpcdoctor.texts.access_log.tokens import (
    FLAGS,
    LONG_FLAGS,
    code,
    flags,
    grpc_status,
    is_flags,
    is_status_name,
    milliseconds,
    number,
)

_REQUEST: Final = re.compile(r'"(?:[A-Z]{3,10}|-) \S{1,16000} (?:HTTP/[\d.]{1,3}|-)"', re.ASCII)
_TOKEN: Final = re.compile(
    r'([A-Za-z][\w.-]{0,40})=(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))|"((?:[^"\\]|\\.)*)"|\[([^\][]*)\]|([^\s"\[]\S*)'
)
_PAIR: Final = re.compile(r'(?:^|[\s,])[A-Za-z][\w.-]{0,40}=(?:"|[^\s"=])')
_MOST_TOKENS: Final = 200
_FEWEST_PAIRS: Final = 4
_FIGURES: Final = 3
_TRANSPORT: Final = re.compile(r"(?:delayed|immediate)_connect_error|TLS_error|TLS error|connect error:|OPENSSL")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    quoted: bool = False
    bracketed: bool = False


def parse_custom(line: str) -> Entry | None:
    """The entry of a line with a request in quotes, or of one made of key=value pairs."""
    found = _REQUEST.search(line)
    if found is not None:
        return _by_structure(line, found)
    if "=" not in line or len(list(islice(_PAIR.finditer(line), _FEWEST_PAIRS))) < _FEWEST_PAIRS:
        return None
    pairs = {match[1]: match[2] if match[2] is not None else match[3] for match in _tokens(line) if match[1]}
    plan = plan_for(tuple(pairs))
    return entry_by(plan._replace(source="logfmt"), pairs) if plan is not None else None


def _tokens(text: str) -> list[re.Match[str]]:
    return list(islice(_TOKEN.finditer(text), _MOST_TOKENS))


def _words(text: str) -> list[_Word]:
    return [
        _Word(match[4] or "", quoted=True) if match[4] is not None
        else _Word(match[5], bracketed=True) if match[5] is not None
        else _Word(match[6] or match[2] or match[3] or "")
        for match in _tokens(text)
    ]  # fmt: skip


def _by_structure(line: str, request: re.Match[str]) -> Entry | None:
    before, after = _words(line[: request.start()]), _words(line[request.end() :])
    method, path, protocol, authority = split_request(request[0].strip('"'))
    result = next((word.text for word in after[:2] if not word.quoted and code(word.text) is not None), None)
    if result is None:
        return None
    times = (time_of(word.text) for word in before + after)
    entry = Entry(
        source="text",
        time=next((time for time in times if time is not None), None),
        method=method,
        path=path,
        protocol=protocol,
        response_code=code(result),
        authority=authority,
    )
    rest = after[next(at for at, word in enumerate(after) if word.text == result) + 1 :]
    entry = _figures(_known_words(entry, rest), rest)
    return _addresses(entry, before, rest)


def _known_words(entry: Entry, words: list[_Word]) -> Entry:
    """What a word can only be: flags, details, a cluster, a gRPC status by its name."""
    for word in words:
        text = word.text
        if text in {"", "-"}:
            continue
        if not entry.flags and (text.split(",")[0] in FLAGS or text in LONG_FLAGS) and is_flags(text):
            entry = entry._replace(flags=flags(text))
        elif not entry.code_details and DETAILS.fullmatch(text):
            entry = entry._replace(code_details=text)
        elif not entry.upstream_cluster and CLUSTER.fullmatch(text):
            entry = entry._replace(upstream_cluster=text)
        elif SERVER_NAME.fullmatch(text):
            entry = entry._replace(requested_server_name=text)
        elif not word.quoted and entry.grpc_status is None and is_status_name(text):
            entry = entry._replace(grpc_status=grpc_status(text))
        elif not entry.transport_failure_reason and _TRANSPORT.match(text):
            entry = entry._replace(transport_failure_reason=text)
    return entry


def _figures(entry: Entry, words: list[_Word]) -> Entry:
    """Three figures in a row are bytes in, bytes out and milliseconds in every format that is made from Envoy's own."""
    row: list[str] = []
    for word in words:
        if entry.duration_ms is None and word.text[:1].isdigit() and word.text.endswith(("ms", "s")):
            entry = entry._replace(duration_ms=milliseconds(word.text))
        if number(word.text) is not None:
            row.append(word.text)
        elif len(row) >= _FIGURES:
            break
        elif not (row and word.text == "-"):
            row = []
    if len(row) < _FIGURES:
        return entry
    received, sent, lasted, *more = row
    return entry._replace(
        bytes_received=number(received) or 0,
        bytes_sent=number(sent) or 0,
        duration_ms=milliseconds(lasted) if entry.duration_ms is None else entry.duration_ms,
        upstream_service_time_ms=milliseconds(more[0]) if more else None,
    )


def _addresses(entry: Entry, before: list[_Word], after: list[_Word]) -> Entry:
    """The first address behind the status is the upstream's; the last of several, or one in front, is the client's."""
    found = [word.text for word in after if ADDRESS.fullmatch(word.text)]
    clients = [word.text for word in before if ADDRESS.fullmatch(word.text)] or found[1:][-1:]
    hosts = [word.text for word in after if word.quoted and "/" not in word.text and HOST.fullmatch(word.text)]
    hosts = [host for host in hosts if ("." in host or ":" in host) and host not in found]
    return entry._replace(
        upstream_host=found[0] if found else "",
        downstream_address=clients[0] if clients else "",
        authority=entry.authority or (hosts[0] if hosts else ""),
        user_agent=next((w.text for w in after if w.quoted and "/" in w.text and w.text[0].isalpha()), ""),
    )
