"""Signature: one row of the tables that tell what a reply is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks.grpc._answerer import Answerer, text_of
from grpcdoctor.checks.grpc._kinds import Kind
from grpcdoctor.model.facts.grpc import Reply

NOTHING: Final[tuple[Kind, ...]] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """Every condition that is given must hold; the first row that fits gives the reply its kind."""

    kind: Kind
    confidence: float
    why: str
    """For the evidence: what in the reply says so."""
    also: tuple[Kind, ...] = NOTHING
    """What else it may mean, likeliest first."""
    grpc: tuple[int, ...] | None = None
    """grpc-status; None: any, or none at all."""
    http: tuple[int, ...] | None = None
    """`:status` of a reply without grpc-status."""
    http_with_status: int | None = None
    """`:status` of a reply with a grpc-status."""
    text: re.Pattern[str] | None = None
    """In the grpc-message, else the body."""
    empty: bool = False
    """Neither message nor body."""
    header: tuple[str, str] | None = None
    """(name, beginning of its value)."""
    proxies: tuple[str, ...] | None = None
    """The proxy in front is one of these."""
    who: tuple[str, ...] | None = None
    """Who wrote it is one of these."""
    body_hex: re.Pattern[str] | None = None
    reset: tuple[int, ...] | None = None
    """RST_STREAM codes, where nothing else came."""
    at_least_ms: float | None = None

    def fits(self, reply: Reply, by: Answerer) -> bool:
        return self._fits_numbers(reply) and self._fits_author(by) and self._fits_words(reply)

    def _fits_numbers(self, reply: Reply) -> bool:
        if self.grpc is not None and reply.grpc_status not in self.grpc:
            return False
        if self.http is not None and (reply.grpc_status is not None or reply.http_status not in self.http):
            return False
        if self.http_with_status is not None and reply.http_status != self.http_with_status:
            return False
        if self.reset is not None and (reply.http_status is not None or reply.reset_code not in self.reset):
            return False
        return self.at_least_ms is None or reply.duration_ms >= self.at_least_ms

    def _fits_author(self, by: Answerer) -> bool:
        if self.proxies is not None and by.proxy not in self.proxies:
            return False
        return self.who is None or by.who in self.who

    def _fits_words(self, reply: Reply) -> bool:
        if self.empty and (reply.grpc_message or reply.body_bytes or reply.messages):
            return False
        if self.header is not None:
            value = reply.header(self.header[0])
            if value is None or not value.lower().startswith(self.header[1]):
                return False
        if self.body_hex is not None and not self.body_hex.match(reply.body_hex.replace(" ", "").lower()):
            return False
        return self.text is None or self.text.search(text_of(reply)) is not None


def words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
