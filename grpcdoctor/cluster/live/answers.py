"""Answers: one GET until it has one, patient where that helps, and in plain words what went wrong otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, Protocol

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.live.troubles import NoAnswer
from grpcdoctor.model.redact import redact_text
from grpcdoctor.wire.deadline import Deadline

JSON: Final = "application/json"
ATTEMPTS: Final = 4
FIRST_PAUSE: Final = 0.2
"""Seconds; doubled each time."""
LONGEST_PAUSE: Final = 10.0
"""However long the server asks us to stay away."""
_LONGEST_TEXT: Final = 200
_USER: Final = re.compile(r'User "([^"]*)" cannot')


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sent, whole."""

    status: int
    content_type: str
    retry_after: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no use."""

    status: int
    """0 where no answer came."""
    text: str
    user: str = ""
    """Of a 403: whom the server takes us for."""
    body: Any = None
    """The server's own Status, where it sent one."""

    @property
    def words(self) -> str:
        return f"HTTP {self.status}: {self.text}" if self.status else self.text


class RequestFailed(Exception):  # noqa: N818 it is what happened
    """A request that failed for good."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.words)
        self.failure = failure


class Server(Protocol):
    """Who answers one GET: a Connection."""

    def get(self, path: str, query: Sequence[tuple[str, str]], deadline: Deadline, accept: str = JSON) -> Answer: ...


class Asker:
    """Asks for JSON until the deadline, or until somebody sets `stop`."""

    def __init__(self, server: Server, deadline: Deadline, time_over: str = "the time for it was over") -> None:
        self.deadline = deadline
        self.stop = Event()
        self.time_over = Failure(0, time_over)
        self._server = server

    def ask(self, path: str, query: Sequence[tuple[str, str]] = (), accept: str = JSON) -> dict[str, Any]:
        """The JSON object at this path; RequestFailed if there is none to be had."""
        for attempt in range(1, ATTEMPTS + 1):
            if self.stop.is_set() or self.deadline.expired:
                raise RequestFailed(self.time_over)
            found, pause = self._once(path, query, accept)
            if isinstance(found, dict):
                return found
            if pause is None or attempt == ATTEMPTS:
                times = f" ({attempt} attempts)" if attempt > 1 else ""
                raise RequestFailed(Failure(found.status, found.text + times, found.user, found.body))
            pause = min(max(pause, FIRST_PAUSE * 2 ** (attempt - 1)), LONGEST_PAUSE)
            if pause >= self.deadline.remaining:
                raise RequestFailed(found)
            self.stop.wait(pause)
        raise AssertionError("unreachable")

    def _once(
        self, path: str, query: Sequence[tuple[str, str]], accept: str
    ) -> tuple[dict[str, Any] | Failure, float | None]:
        """(the JSON, or why there is none; after how many seconds another attempt may help)."""
        try:
            answer = self._server.get(path, query, self.deadline, accept)
        except NoAnswer as none:
            if self.deadline.expired:
                return self.time_over, None
            return Failure(0, none.text), 0.0 if none.passing else None
        if answer.status == 200:
            return _object(answer)
        return _refused(answer)


def _object(answer: Answer) -> tuple[dict[str, Any] | Failure, float | None]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        if "json" not in answer.content_type:
            return _not_json(answer), None
        return Failure(0, "the answer was cut off: its JSON has no end"), 0.0
    return (found, None) if isinstance(found, dict) else (_not_json(answer), None)


def _not_json(answer: Answer) -> Failure:
    sent = answer.content_type.partition(";")[0] or "something"
    return Failure(
        0,
        f"HTTP {answer.status} with {sent} instead of JSON: no Kubernetes API server, "
        "or a login page or a proxy stands before it",
    )


def _refused(answer: Answer) -> tuple[Failure, float | None]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    message = text_at(body, "message") or answer.body[:_LONGEST_TEXT].decode(errors="replace")
    if "html" in answer.content_type:
        message = "an HTML page, so a proxy or a load balancer said it, not the API server"
    message = redact_text(" ".join(message.split()))[:_LONGEST_TEXT]
    user = _USER.search(message)
    failure = Failure(answer.status, message or "without a word", user[1] if user else "", body)
    if answer.status == 429 or answer.status >= 500:
        return failure, _seconds(answer.retry_after)
    return failure, None


def _seconds(retry_after: str) -> float:
    """Kubernetes gives seconds, never a date."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
