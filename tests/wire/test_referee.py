"""h2's strict opinion on the frames that were kept."""

from __future__ import annotations

from grpcdoctor.wire import frames
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.referee import violation_in
from tests.wire.peers import OK_HEADERS, OK_TRAILERS, QUESTION, greeted_client


def test_a_healthy_exchange_is_accepted() -> None:
    client, server = greeted_client()
    client.request(QUESTION, b"x")
    client.ping(b"12345678")
    client.receive(server.answer(1) + Frame(6, frames.ACK, 0, b"12345678").encode())
    assert violation_in(client.kept) is None


def test_a_large_healthy_reply_is_accepted_with_our_windows() -> None:
    client, server = greeted_client()
    client.request(QUESTION, b"x")
    client.receive(server.headers(1, OK_HEADERS) + server.data(1, bytes(16384)) * 60)
    client.receive(server.headers(1, OK_TRAILERS, end=True))
    assert violation_in(client.kept) is None


def test_trailers_that_end_nothing_are_refused_in_h2s_words() -> None:
    client, server = greeted_client()
    client.request(QUESTION, b"x")
    client.receive(server.headers(1, OK_HEADERS) + server.headers(1, OK_TRAILERS))
    found = violation_in(client.kept)
    assert found is not None
    assert found[1] == "HEADERS stream 1"


def test_what_comes_after_goaway_is_not_judged() -> None:
    client, server = greeted_client()
    client.request(QUESTION, b"x")
    client.receive(server.goaway(1, 0) + server.answer(1))
    assert violation_in(client.kept) is None


def test_upper_case_headers_are_refused() -> None:
    client, server = greeted_client()
    client.request(QUESTION, b"x")
    client.receive(server.headers(1, [(":status", "200"), ("Content-Type", "x")], end=True))
    found = violation_in(client.kept)
    assert found is not None
    assert "ppercase" in found[0]
