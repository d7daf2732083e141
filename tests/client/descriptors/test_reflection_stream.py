"""The one stream of reflection, over a channel whose streams end as they like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from grpcdoctor.client.call import Call, Channel
from grpcdoctor.client.descriptors.reflection_stream import ReflectionStream, ReflectionUnavailableError
from grpcdoctor.client.errors import RpcError
from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline

OK = Status(GrpcStatus.OK)
UNIMPLEMENTED = Status(GrpcStatus.UNIMPLEMENTED, "no such service")
UNAUTHENTICATED = Status(GrpcStatus.UNAUTHENTICATED, "who are you")
SIX = [b"%d" % number for number in range(6)]


class Stream:
    """Answers each question with itself; ends with `status` after `answers` of them, and takes its time for each."""

    def __init__(self, status: Status, answers: int, seconds: float = 0.0) -> None:
        self._end = status
        self._answers = answers
        self._seconds = seconds
        self._asked: list[bytes] = []
        self.status: Status | None = None
        self.trailers = self.foreign_headers = ()
        self.cancelled = False

    async def send(self, payload: bytes) -> bool:
        self._asked.append(payload)
        return True

    async def headers(self) -> tuple[()]:
        return ()

    async def receive(self) -> bytes | None:
        await asyncio.sleep(self._seconds)
        if not self._answers:
            self.status = self._end
            return None
        self._answers -= 1
        return self._asked.pop(0)

    def cancel(self) -> None:
        self.cancelled = True


class Streams:
    """A channel: the stream for each call by its version and how many there were before."""

    def __init__(self, stream: Callable[[str, int], Stream], streams_allowed: int | None = None) -> None:
        self._stream = stream
        self.streams_allowed = streams_allowed
        self.opened: list[tuple[str, Stream]] = []

    async def call(self, path: str, metadata: object = (), **options: object) -> Call:
        version = path.split(".")[2]
        self.opened.append((version, self._stream(version, len(self.opened))))
        return cast(Call, self.opened[-1][1])

    @property
    def versions(self) -> list[str]:
        return [version for version, _ in self.opened]


def over(streams: Streams) -> ReflectionStream:
    return ReflectionStream(cast(Channel, streams))


def ask(streams: Streams, questions: Sequence[bytes]) -> list[bytes]:
    return asyncio.run(over(streams).ask(questions))


@pytest.mark.parametrize(("allowed", "left_open"), [(None, True), (100, True), (1, False)])
def test_the_stream_stays_open_but_where_it_would_be_the_only_one(allowed: int | None, left_open: bool) -> None:
    streams = Streams(lambda version, before: Stream(OK, 9), allowed)
    assert ask(streams, SIX) == SIX
    [(_, stream)] = streams.opened
    assert stream.cancelled is not left_open


def test_a_server_that_ends_its_stream_after_every_answer_is_asked_on_as_many() -> None:
    streams = Streams(lambda version, before: Stream(OK, 1))
    assert ask(streams, SIX) == SIX
    assert streams.versions == ["v1"] * 6


def test_a_server_that_never_answers_is_not_asked_for_ever() -> None:
    streams = Streams(lambda version, before: Stream(OK, 0))
    with pytest.raises(RpcError, match="ended without an answer"):
        ask(streams, SIX)
    assert streams.versions == ["v1"] * 3


@pytest.mark.parametrize("code", [GrpcStatus.UNAUTHENTICATED, GrpcStatus.PERMISSION_DENIED, GrpcStatus.UNKNOWN, 12, 14])
def test_whatever_v1_ends_with_v1alpha_is_asked_and_then_stays(code: int) -> None:
    streams = Streams(lambda version, before: Stream(OK, 99) if version == "v1alpha" else Stream(Status(code), 0))

    async def twice() -> list[bytes]:
        stream = over(streams)
        return [*await stream.ask([b"a"]), *await stream.ask([b"b"])]

    assert asyncio.run(twice()) == [b"a", b"b"]
    assert streams.versions == ["v1", "v1alpha"]


def test_where_both_versions_refuse_the_first_word_counts() -> None:
    refusals = {"v1": UNAUTHENTICATED, "v1alpha": UNIMPLEMENTED}
    streams = Streams(lambda version, before: Stream(refusals[version], 0))
    with pytest.raises(RpcError, match="who are you"):
        ask(streams, SIX)
    assert streams.versions == ["v1", "v1alpha"]


def test_where_neither_version_is_there_it_is_said_after_one_try_of_each() -> None:
    streams = Streams(lambda version, before: Stream(UNIMPLEMENTED, 0))
    with pytest.raises(ReflectionUnavailableError):
        ask(streams, SIX)
    assert streams.versions == ["v1", "v1alpha"]


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    away = Status(GrpcStatus.UNAVAILABLE)
    streams = Streams(lambda version, before: Stream(away, 0) if before < 2 else Stream(OK, 99))
    assert ask(streams, SIX) == SIX


def test_the_answer_to_a_question_that_was_given_up_is_not_taken_for_the_next_ones() -> None:
    streams = Streams(lambda version, before: Stream(OK, 99, seconds=0.0 if before else 60.0))

    async def given_up_then_asked() -> list[bytes]:
        stream = over(streams)
        with pytest.raises(TimeoutError):
            await Deadline.after(0.02).wait(stream.ask([b"first"]))
        return await stream.ask([b"second"])

    answers: Any = asyncio.run(given_up_then_asked())
    assert answers == [b"second"]
    assert streams.opened[0][1].cancelled
