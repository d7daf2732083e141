"""Invocation does with each kind of method what grpcurl does, whatever the peer does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from grpcdoctor.client.errors import RequestError, RpcError
from grpcdoctor.client.invoke import SurplusRequestError, invoke
from grpcdoctor.client.status import Status
from grpcdoctor.wire.deadline import Deadline
from tests.client.doubles import SECONDS, Given, Kept, ScriptedCall, ScriptedChannel, Source

T = TypeVar("T")
SOURCE = Source()
A, B = SOURCE.text("a"), SOURCE.text("b")


def soon(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, SECONDS))


def called(
    method: str, answer: ScriptedCall, requests: Given, metadata: tuple[tuple[str, str], ...] = ()
) -> tuple[Status, Kept, ScriptedChannel]:
    events, channel = Kept(), ScriptedChannel(answer)
    status = soon(invoke(channel, SOURCE, f"t.Talk/{method}", requests, metadata, events))
    return status, events, channel


def test_a_unary_call_tells_everything_in_order() -> None:
    answer = ScriptedCall([B], after=None)
    status, events, channel = called("Unary", answer, Given("a"), (("k", "v"),))
    assert status.ok
    assert events.told == [
        ("resolved", "t.Talk.Unary"),
        ("sending", (("k", "v"),)),
        ("started",),
        ("headers", (("x", "y"),)),
        ("message", "b", len(B)),
        ("ended", 0, (("z", "1"),)),
    ]
    assert channel.calls == [("/t.Talk/Unary", (("k", "v"),))]
    assert answer.received == [A]
    assert answer.closed


@pytest.mark.parametrize("method", ["Unary", "Down"])
def test_without_data_an_empty_message_is_sent(method: str) -> None:
    answer = ScriptedCall([B], after=None)
    requests = Given()
    called(method, answer, requests)
    assert answer.received == [b""]
    assert requests.count == 0


@pytest.mark.parametrize("method", ["Up", "Both"])
def test_without_data_a_stream_of_requests_is_empty(method: str) -> None:
    answer = ScriptedCall([B], after=None)
    called(method, answer, Given())
    assert answer.received == []
    assert answer.closed


@pytest.mark.parametrize(("method", "kind"), [("Unary", "unary"), ("Down", "server-streaming")])
def test_a_second_request_is_refused_before_anything_is_sent(method: str, kind: str) -> None:
    with pytest.raises(SurplusRequestError, match=f'"t.Talk.{method}" is a {kind} RPC, but .* more than 1 message'):
        called(method, ScriptedCall([A]), Given("a", "b"))


def test_a_unary_response_counts_only_with_a_good_status() -> None:
    status, events, _ = called("Unary", ScriptedCall([B], Status(3, "bad"), after=None), Given())
    assert status.code == 3
    assert "message" not in events.names()


@pytest.mark.parametrize("method", ["Unary", "Up"])
@pytest.mark.parametrize(
    ("responses", "words"),
    [([], "received no response message"), ([A, B], "expected <EOF>")],
    ids=["none", "two"],
)
def test_a_single_response_is_exactly_one(method: str, responses: list[bytes], words: str) -> None:
    status, events, _ = called(method, ScriptedCall(list(responses), after=None), Given())
    assert (status.code, status.from_peer) == (13, False)
    assert words in status.message
    assert "message" not in events.names()


def test_bytes_that_are_no_such_message_end_the_call() -> None:
    answer = ScriptedCall([A, b"\xff", B])
    status, events, _ = called("Down", answer, Given())
    assert status.code == 13
    assert "failed to unmarshal the received message" in status.message
    assert events.names().count("message") == 1
    assert answer.cancelled


def test_responses_of_both_directions_come_while_requests_still_wait() -> None:
    """The server ends the call though the user's terminal still is open."""
    status, events, _ = called("Both", ScriptedCall([A, B], Status(5), after=1), Given("q", wait=True))
    assert status.code == 5
    assert events.names().count("message") == 2


def test_a_client_stream_that_the_server_ends_early_is_over_at_once() -> None:
    status, _, _ = called("Up", ScriptedCall([], Status(8), after=1), Given("q", wait=True))
    assert status.code == 8


@pytest.mark.parametrize("method", ["Up", "Both"])
def test_a_request_that_cannot_be_read_cancels_the_call(method: str) -> None:
    answer = ScriptedCall([], after=None)
    with pytest.raises(RequestError, match="broken"):
        called(method, answer, Given("a", RequestError("broken")))
    assert answer.cancelled


def test_a_client_stream_that_broke_off_has_no_answer_to_tell_headers_of() -> None:
    events = Kept()
    work = invoke(
        ScriptedChannel(ScriptedCall([], after=None)),
        SOURCE,
        "t.Talk/Up",
        Given("a", RequestError("broken")),
        (),
        events,
    )
    with pytest.raises(RequestError, match="broken"):
        soon(work)
    assert "headers" not in events.names()


def test_request_data_is_waited_for_no_longer_than_the_deadline() -> None:
    work = invoke(
        ScriptedChannel(ScriptedCall([])), SOURCE, "t.Talk/Unary", Given(wait=True), (), Kept(),
        deadline=Deadline.after(0.05),
    )  # fmt: skip
    with pytest.raises(RpcError, match="DEADLINE_EXCEEDED"):
        soon(work)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("", "x", "there is an empty key"),
        ("a b", "x", 'header key "a b" contains illegal characters'),
        ("a", "é", "non-printable ASCII"),
    ],
)
def test_metadata_that_cannot_be_sent_is_an_internal_error_and_no_call(name: str, value: str, words: str) -> None:
    status, events, channel = called("Both", ScriptedCall([A]), Given("a"), ((name, value),))
    assert status.code == 13
    assert words in status.message
    assert channel.calls == []
    assert events.names()[-2:] == ["headers", "ended"]


def test_whatever_ends_the_invocation_cancels_the_call() -> None:
    answer = ScriptedCall([], after=None)

    async def interrupted() -> None:
        work = asyncio.ensure_future(
            invoke(ScriptedChannel(answer), SOURCE, "t.Talk/Both", Given(wait=True), (), Kept())
        )
        await asyncio.sleep(0.05)
        work.cancel()
        await work

    with pytest.raises(asyncio.CancelledError):
        soon(interrupted())
    assert answer.cancelled
