"""Streams: what the names on a route say about whether it carries long calls. Names are all that objects have."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from grpcdoctor.checks.policies._http import GrpcRoute
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.routes import Match, PathKind

_STREAMING: Final = frozenset(
    ("stream", "streams", "streaming", "streamed", "streamer", "watch", "watcher", "watching", "subscribe", "chat",
     "chats", "bidi", "listen", "tail")
)  # fmt: skip
# Of these, the client sends one message and then only listens.
_ONLY_LISTENING: Final = frozenset(("watch", "watcher", "watching", "subscribe", "listen", "tail"))
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


class Streaming(Enum):
    """Whether a route carries streams."""

    HINTED = "hinted"
    MAY = "may"
    NO = "no"
    """It is for methods that are named, and no name says so."""


def streaming_word(text: str) -> str | None:
    """The word in a name that says stream: in `WatchOrders`, `order-stream`; not in `upstream`."""
    return next((word for word in _words(text) if word in _STREAMING), None)


def streaming_of(route: GrpcRoute) -> tuple[Streaming, str]:
    """(how likely, the name that says so)."""
    matches = route.rule.matches
    exact = bool(matches) and all(match.kind == PathKind.EXACT for match in matches)
    for match in matches:
        said = _method(match) if match.kind == PathKind.EXACT else match.value
        if streaming_word(said):
            return Streaming.HINTED, match.value
    if exact:
        return Streaming.NO, ""
    named = (
        text_at(route.raw, "name"),
        route.object.name,
        *(host.partition(".")[0] for host in route.rule.hosts),
        *(backend.host.rpartition("/")[2].partition(".")[0] for backend in route.rule.backends),
    )
    found = next((name for name in named if streaming_word(name)), None)
    return (Streaming.HINTED, found) if found is not None else (Streaming.MAY, "")


def sends_streams(name: str) -> bool:
    """The client, too, sends more than one message, as far as the name says."""
    found = [word for word in _words(name) if word in _STREAMING]
    return any(word not in _ONLY_LISTENING for word in found)


def _method(match: Match) -> str:
    return match.value.rpartition("/")[2]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text[:300])]
