"""Reads saved answers of Envoys: files, folders of them, standard input. Each file is recognised by its content."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO, Final

from grpcdoctor.envoy.answers import Answers, merged
from grpcdoctor.envoy.fields import Json, text
from grpcdoctor.envoy.recognise import recognise
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import BlindSpot

Stdin = Callable[[], BinaryIO]
"""Opens standard input, where a word is `-`."""

LARGEST_FILE: Final = 256 << 20
MOST_FILES: Final = 5000
"""Of one folder: an istioctl bug-report of some hundred pods."""
_NAMES_SHOWN: Final = 3
_GZIP: Final = b"\x1f\x8b"
_STDIN: Final = "-"


class FilesError(Exception):
    """Nothing of an Envoy can be read here; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One file, read and recognised."""

    place: str
    """The folder: files that lie together are of one Envoy."""
    name: str
    answers: Answers
    saved_at: str


@dataclass(frozen=True, slots=True)
class Unread:
    """One file of no use, and why."""

    name: str
    why: str


def read_files(words: Sequence[str], stdin: Stdin) -> tuple[Proxy, ...]:
    """The Envoys in these files and folders. FilesError where there is none.

    Files in one folder are of one Envoy, unless two of them hold the same: then each of those is another one.
    """
    saved: list[Saved] = []
    unread: list[Unread] = []
    for path in _paths(words):
        found = _read(path, stdin)
        if isinstance(found, Saved):
            saved.append(found)
        else:
            unread.append(found)
    if not saved:
        raise FilesError(_nothing(words, unread))
    spots = _blind_spots(words, unread)
    groups = list(_groups(saved))
    base = words[0] if len(words) == 1 and len(groups) > 1 else ""
    return tuple(_proxy(group, base, spots if number == 0 else ()) for number, group in enumerate(groups))


def _paths(words: Sequence[str]) -> Iterator[str]:
    """The files, and those of the folders. Raises FilesError for what does not exist."""
    for word in words:
        if word == _STDIN or os.path.isfile(word) or (os.path.exists(word) and not os.path.isdir(word)):
            yield word
        elif os.path.isdir(word):
            yield from _below(word)
        else:
            raise FilesError(f"{word}: there is no such file")


def _below(folder: str) -> list[str]:
    """Every file of a folder, in the order of their names; hidden ones and links to elsewhere are left out."""
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (os.path.join(place, name) for name in sorted(names) if not name.startswith("."))
        found += [path for path in paths if os.path.isfile(path)]
        if len(found) > MOST_FILES:
            raise FilesError(f"{folder}: more than {MOST_FILES:,} files; name a folder further down")
    return found


def _read(name: str, stdin: Stdin) -> Saved | Unread:
    try:
        content, saved_at = _content(name, stdin)
    except (OSError, EOFError, zlib.error) as error:
        return Unread(name, f"it cannot be read ({getattr(error, 'strerror', None) or error})")
    if content is None:
        return Unread(name, f"it is larger than {LARGEST_FILE >> 20} MiB")
    answers = recognise(content.decode("utf-8", "replace"))
    if answers is None:
        broken_off = content.lstrip()[:1] in (b"{", b"[") and content.rstrip()[-1:] not in (b"}", b"]")
        return Unread(name, "JSON that is broken off" if broken_off else "no answer of an Envoy's admin API")
    return Saved(name if name == _STDIN else os.path.dirname(os.path.abspath(name)), name, answers, saved_at)


def _content(name: str, stdin: Stdin) -> tuple[bytes | None, str]:
    """(the content, unpacked; None where it is too large; when it was saved)."""
    if name == _STDIN:
        content, saved_at = stdin().read(LARGEST_FILE + 1), ""
    else:
        with open(name, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
        saved_at = datetime.fromtimestamp(os.path.getmtime(name), timezone.utc).isoformat(timespec="seconds")
    if content[:2] == _GZIP and len(content) <= LARGEST_FILE:
        import io

        with gzip.open(io.BytesIO(content)) as packed:
            content = packed.read(LARGEST_FILE + 1)
    return (content if len(content) <= LARGEST_FILE else None), saved_at


def _groups(saved: Iterable[Saved]) -> Iterator[list[Saved]]:
    """The files of one Envoy each."""
    by_place: dict[str, list[Saved]] = {}
    for item in saved:
        by_place.setdefault(item.place, []).append(item)
    for together in by_place.values():
        groups: list[list[Saved]] = []
        for item in together:
            free = next((group for group in groups if not _overlaps(group, item)), None)
            if free is None:
                groups.append([item])
            else:
                free.append(item)
        yield from groups


def _overlaps(group: Sequence[Saved], item: Saved) -> bool:
    """Whether the file is of another Envoy: it has the same part of the configuration, or clusters of other names.

    A bootstrap is in every config_dump and in istioctl's own file; /stats and /clusters come in several forms.
    """
    return any(_differ(each.answers, item.answers) for each in group)


def _differ(one: Answers, other: Answers) -> bool:
    if set(one.sections) & set(other.sections) - {"bootstrap"}:
        return True
    if one.clusters is not None and other.clusters is not None:
        return _names(one.clusters) != _names(other.clusters)
    return one.server_info is not None and other.server_info is not None


def _names(statuses: Iterable[Json]) -> set[str]:
    return {text(item, "name") for item in statuses}


def _proxy(group: Sequence[Saved], base: str, spots: Iterable[BlindSpot]) -> Proxy:
    saved_at = max(item.saved_at for item in group)
    # Of two forms the first counts: `clusters.json` tells more than `clusters.txt`.
    return Proxy(merged(item.answers for item in reversed(group)), _title(group, base), spots, saved_at)


def _title(group: Sequence[Saved], base: str) -> str:
    """One file's own path, several files' folder, below `base` where many are in it; standard input by its name."""
    if len(group) == 1 and group[0].name == _STDIN:
        return "standard input"
    path = group[0].name if len(group) == 1 else os.path.dirname(group[0].name) or "."
    return os.path.relpath(path, base) if base else os.path.normpath(path)


def _blind_spots(words: Sequence[str], unread: Sequence[Unread]) -> list[BlindSpot]:
    """One line for each reason. What the user named blocks the verdict; what lay about in a folder does not."""
    by_reason: dict[tuple[str, bool], list[str]] = {}
    for item in unread:
        by_reason.setdefault((item.why, item.name in words), []).append(item.name)
    found = []
    for (why, named), names in by_reason.items():
        shown = ", ".join(names[:_NAMES_SHOWN])
        rest = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
        found.append(BlindSpot(f"{shown}{rest}", why, blocks_verdict=named or why.startswith("JSON")))
    return found


def _nothing(words: Sequence[str], unread: Sequence[Unread]) -> str:
    if not unread:
        return f"{', '.join(words)}: no file in it"
    if len(unread) == 1:
        return f"{unread[0].name}: {unread[0].why}"
    return f"{', '.join(words)}: none of {len(unread):,} files is an answer of an Envoy's admin API"
