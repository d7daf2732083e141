"""Which lines count: `--since`, `--host`, `--path`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry, upstream_cluster
from grpcdoctor.texts.access_log.times import time_of

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)", re.ASCII)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WILD: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Since:
    """A point in time, as asked for: absolute, or so long before another."""

    time: float
    words: str
    """What it was counted from, to be shown: a duration alone does not say."""


def parse_since(text: str, *, now: float, newest: float | None) -> Since:
    """`10m`, `1h30m` or an RFC 3339 time. A duration counts back from the newest line where that is known (files: see
    newest_time), from now otherwise (a pipe: its newest line has not come yet). Raises ValueError for anything else.
    """
    text = text.strip()
    parts = _DURATION.findall(text)
    if parts and "".join(value + unit for value, unit in parts) == text:
        length = sum(float(value) * _SECONDS[unit] for value, unit in parts)
        base, words = (now, "before now") if newest is None else (newest, "before the newest line")
        return Since(base - length, f"{text} {words}")
    moment = time_of(text) if "T" in text or "-" in text else None
    if moment is None and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        moment = time_of(f"{text}T00:00:00Z")
    if moment is None:
        raise ValueError(f"{text!r} is neither a duration like 10m or 1h30m nor a time like 2024-01-31T12:00:00Z")
    return Since(moment, f"since {text}")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a line must be to count. The empty filter keeps all."""

    since: float | None = None
    host: str = ""
    """An authority, a server name or the Service behind the upstream cluster; `greeter.prod` stands for its full name
    too, and `*` is allowed. Without a port every port counts."""
    path: str = ""
    """A path, a prefix of one that ends where a segment ends, or a pattern with `*`."""

    def keeps(self, entry: Entry) -> bool:
        """Whether it counts. A line without a time is not known to be recent, so `since` keeps it out."""
        if self.since is not None and (entry.time is None or entry.time < self.since):
            return False
        if self.host and not _is_of_host(
            self.host, entry.authority, entry.requested_server_name, entry.upstream_cluster
        ):
            return False
        return not self.path or _is_of_path(self.path, entry.path)


@lru_cache(maxsize=4096)
def _is_of_host(wanted: str, authority: str, server_name: str, cluster: str) -> bool:
    pattern = wanted.lower()
    from_name, of_cluster = upstream_cluster(server_name), upstream_cluster(cluster)
    names = [authority, server_name, from_name.host, of_cluster.host]
    names += [f"{parts.host}:{parts.port}" for parts in (from_name, of_cluster) if parts.host and parts.port]
    return any(_same_host(pattern, name.lower()) for name in names if name)


def _same_host(pattern: str, name: str) -> bool:
    host, _, port = name.rpartition(":") if name.rpartition(":")[2].isdigit() else (name, "", "")
    wanted, _, wanted_port = pattern.rpartition(":") if pattern.rpartition(":")[2].isdigit() else (pattern, "", "")
    if wanted_port and wanted_port != port:
        return False
    if _WILD & set(wanted):
        return fnmatchcase(host, wanted)
    return host == wanted or (".svc." in host and host.startswith(f"{wanted}."))


@lru_cache(maxsize=4096)
def _is_of_path(wanted: str, path: str) -> bool:
    pattern = wanted if wanted.startswith(("/", "*")) else f"/{wanted}"
    path = path.partition("?")[0]
    if _WILD & set(pattern):
        return fnmatchcase(path, pattern)
    return path == pattern or path.startswith(pattern if pattern.endswith("/") else f"{pattern}/")
