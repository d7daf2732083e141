"""What the gRPC rules read: every reply of a run with its author and exactly one kind, so no two rules claim one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from grpcdoctor.checks.grpc._answerer import Answerer, answered_by, questions
from grpcdoctor.checks.grpc._kinds import DECISIVE, Kind
from grpcdoctor.checks.grpc._signatures import Match, kind_of
from grpcdoctor.model.codes import GrpcStatus, Http2Error, name_of
from grpcdoctor.model.conclusions import milliseconds
from grpcdoctor.model.facts.grpc import Reply
from grpcdoctor.model.finding import Evidence
from grpcdoctor.model.run import Run

__all__ = ["Answerer", "Kind", "Seen", "answered_by", "evidence_of", "is_proxy_no_route", "of_kind", "replies", "seen"]

replies = questions

# A reply of this confidence settles what the doubtful ones of the same run mean.
_SURE: Final = 0.9
_LONGEST_QUOTE: Final = 160
_TAG: Final = re.compile(r"<(title|style|script)\b.*?</\1>|<[^>]*>?", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One reply: the question it answers, who wrote it, what it is."""

    question: str
    """"call", "health", "health-list", "reflection-v1", "reflection-v1alpha" or "unknown-method"."""
    reply: Reply
    by: Answerer
    kind: Kind
    confidence: float = 1.0
    why: str = ""
    also: tuple[Kind, ...] = ()
    """What else the same reply may mean, likeliest first."""


def seen(run: Run) -> tuple[Seen, ...]:
    """Every reply of the run, classified; doubtful ones are read in the light of the sure ones."""
    return run.once(_seen)


def _seen(run: Run) -> tuple[Seen, ...]:
    first = tuple(_classified(question, reply, run) for question, reply in questions(run))
    sure = {item.kind for item in first if item.confidence >= _SURE and item.kind in DECISIVE}
    lit = tuple(_in_the_light_of(sure, item) for item in first)
    doubtful = tuple(item for item in lit if item.confidence < _SURE and item.also)
    meant = _common_reading(doubtful)
    return lit if meant is None else tuple(_read_as(meant, doubtful, item) for item in lit)


def of_kind(items: Iterable[Seen], *kinds: Kind) -> tuple[Seen, ...]:
    return tuple(item for item in items if item.kind in kinds)


def is_proxy_no_route(reply: Reply, run: Run) -> bool:
    """The reply is a proxy's "no route for this": Envoy's empty UNIMPLEMENTED, or a 404 that a proxy wrote.

    nginx's own 404 page counts here too, though its rule is `not-grpc`.
    """
    by = answered_by(reply, run)
    if kind_of(reply, by, run).kind is Kind.NO_ROUTE:
        return True
    return by.who == "proxy" and reply.grpc_status is None and reply.http_status == 404


def describe(reply: Reply) -> str:
    """One line: `grpc-status 14 UNAVAILABLE "no healthy upstream" after 3 ms`."""
    parts: list[str] = []
    if reply.http_status is not None and (reply.http_status != 200 or reply.grpc_status is None):
        parts.append(f"HTTP {reply.http_status:03d}")
    if reply.grpc_status is None and reply.content_type:
        parts.append(reply.content_type)
    if reply.grpc_status is not None:
        parts.append(f"grpc-status {reply.grpc_status} {name_of(GrpcStatus, reply.grpc_status)}")
        if reply.grpc_message:
            parts.append(f'"{_short(reply.grpc_message)}"')
        elif reply.grpc_status != GrpcStatus.OK:
            parts.append("with an empty message")
    elif page := _page_in_words(reply.body):
        parts.append(f'"{_short(page)}"')
    if reply.reset_code is not None:
        parts.append(f"RST_STREAM({name_of(Http2Error, reply.reset_code)})")
    if reply.lost:
        parts.append(f"no complete answer ({reply.lost})")
    return " ".join([*parts, f"after {milliseconds(reply.duration_ms)}"])


def evidence_of(items: Iterable[Seen]) -> tuple[Evidence, ...]:
    """One line for all questions that were answered alike, with who answered."""
    groups: dict[str, list[Seen]] = {}
    for item in items:
        groups.setdefault(describe(replace(item.reply, duration_ms=0.0)), []).append(item)
    return tuple(_evidence(group) for group in groups.values())


def _evidence(group: list[Seen]) -> Evidence:
    who = f" ({group[0].why or group[0].by.why})" if group[0].why or group[0].by.why else ""
    return Evidence(f"{', '.join(item.question for item in group)}: {describe(group[0].reply)}{who}", ref="grpc")


def _classified(question: str, reply: Reply, run: Run) -> Seen:
    by = answered_by(reply, run)
    match: Match = kind_of(reply, by, run)
    return Seen(question, reply, by, match.kind, match.confidence, match.why, match.also)


def _in_the_light_of(sure: set[Kind], item: Seen) -> Seen:
    if item.confidence >= _SURE or item.kind in sure:
        return item
    meant = next((kind for kind in item.also if kind in sure), None)
    if meant is None:
        return item
    return replace(item, kind=meant, why="the other replies of this run settle what it means", also=())


def _common_reading(doubtful: tuple[Seen, ...]) -> Kind | None:
    """The kind that every doubtful reply allows for and one of them is likeliest to be; None where they agree already.

    One fault gives several symptoms: haproxy towards an HTTP/1 server refuses some streams and answers others with 503.
    """
    own = tuple(dict.fromkeys(item.kind for item in doubtful))
    shared = [kind for kind in own if all(kind in (item.kind, *item.also) for item in doubtful)]
    if len(own) < 2 or not shared:
        return None
    return max(shared, key=lambda kind: max(item.confidence for item in doubtful if item.kind is kind))


def _read_as(meant: Kind, doubtful: tuple[Seen, ...], item: Seen) -> Seen:
    if item not in doubtful:
        return item
    left = tuple(kind for kind in (item.kind, *item.also) if all(kind in (d.kind, *d.also) for d in doubtful))
    return replace(item, kind=meant, also=tuple(kind for kind in left if kind is not meant))


def _page_in_words(body: str) -> str:
    """A page without its markup; "" for what is no text (a SETTINGS frame that was passed on)."""
    words = " ".join(_TAG.sub(" ", body).split())
    return words if words.isprintable() and "\ufffd" not in words else ""


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_QUOTE else flat[: _LONGEST_QUOTE - 1] + "…"
