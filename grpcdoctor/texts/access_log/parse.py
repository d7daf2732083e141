"""One line, of whatever format and behind whatever prefix, to an entry. What is no access log gives None, and soon."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.texts.access_log.balancers import ALB_START, parse_alb, parse_haproxy
from grpcdoctor.texts.access_log.custom_text import parse_custom
from grpcdoctor.texts.access_log.entry import Entry
from grpcdoctor.texts.access_log.envoy_text import parse_envoy_text
from grpcdoctor.texts.access_log.structured import parse_json
from grpcdoctor.texts.access_log.web_servers import COMMON_TIME, parse_common

LONGEST_LINE: Final = 65536
"""In characters. The longest header that Envoy accepts by default is 60 KiB; what is behind that is no access log."""

_ORDINARY: Final = 2048
_LONGEST_FIELD: Final = 512
_ANSI: Final = re.compile(r"\x1b\[[0-9;]{0,16}[A-Za-z]")
_ENVOY_START: Final = re.compile(r"\[\d{4}-\d\d-\d\dT[\d:.]{8,20}Z\] \"", re.ASCII)
_MOST_BRACES: Final = 4
_DEEPEST: Final = 3


def parse_line(line: str) -> Entry | None:
    """The entry, or None: never an exception."""
    if len(line) > _ORDINARY:
        entry = _parse(line[:LONGEST_LINE], 0)
        return _bounded(entry) if entry is not None else None
    if line[:1] == "[":
        entry = parse_envoy_text(line)
        if entry is not None:
            return entry
    elif line[:1] == "{":
        entry = parse_json(line, _wrapped)
        if entry is not None:
            return entry
    return _parse(line, 0)


def _bounded(entry: Entry) -> Entry:
    """Without the tail of long fields: thousands of entries are held at a time."""
    return Entry._make(each[:_LONGEST_FIELD] if isinstance(each, str) else each for each in entry)


def _wrapped(text: str) -> Entry | None:
    """A line inside a structured one; what is wrapped twice is read too, what is wrapped for ever is not."""
    return _parse(text[:LONGEST_LINE], 1)


def _wrapped_twice(text: str) -> Entry | None:
    return _parse(text[:LONGEST_LINE], _DEEPEST)


def _parse(line: str, depth: int) -> Entry | None:
    if '"' not in line and "=" not in line:
        return None
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    line = line.strip()
    if line.endswith("}") and depth < _DEEPEST:
        entry = _parse_braces(line, depth)
        if entry is not None:
            return entry
    found = _ENVOY_START.search(line)
    if found is not None:
        entry = parse_envoy_text(line[found.start() :])
        if entry is not None:
            return entry
    return _parse_common(line) or parse_custom(line)


def _parse_braces(line: str, depth: int) -> Entry | None:
    """An object at the line's end, behind a prefix. The prefix may have braces too, as Loki's labels."""
    start = line.find("{")
    for _ in range(_MOST_BRACES):
        if start < 0:
            return None
        entry = parse_json(line, _wrapped_twice if depth else _wrapped, start)
        if entry is not None:
            return entry
        start = line.find("{", start + 1)
    return None


def _parse_common(line: str) -> Entry | None:
    """The formats with the common log's time, and the load balancer's."""
    found = COMMON_TIME.search(line)
    if found is not None:
        where = (line, found.start(), found.end(), found[1])
        return parse_haproxy(*where) or parse_common(*where)
    start = ALB_START.search(line)
    return parse_alb(line[start.start() :].lstrip()) if start is not None else None
