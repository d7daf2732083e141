"""The terminator is named where the SETTINGS are telling, and never with certainty."""

from __future__ import annotations

import pytest

from grpcdoctor.wire.fingerprint import PRINTS, terminator_of

Pairs = tuple[tuple[int, int], ...]


@pytest.mark.parametrize(
    ("settings", "increment", "name"),
    [
        (((4, 4194304), (5, 4194304), (6, 16384), (0xFE03, 1)), None, "grpc-c-core"),
        (((1, 4096), (8, 0), (3, 1024), (4, 16777216)), None, "envoy"),
        (((3, 128), (4, 65536), (5, 16777215)), 2147418112, "nginx"),
        (((8, 1), (3, 100)), None, "haproxy"),
        (((5, 16384),), None, "grpc-go"),
        (((5, 16384), (3, 250)), None, "grpc-go"),
        (((3, 250), (4, 1048576), (6, 8192)), None, "grpc-java"),
        (((4, 1048576), (5, 16384), (6, 16384)), None, "hyper"),
        (((5, 1048576), (3, 250), (6, 1048896), (1, 4096), (4, 1048576)), None, "go-http2"),
        (((3, 2147483647), (4, 1048576), (6, 8192)), None, "grpc-java"),
    ],
)
def test_measured_servers_are_recognised(settings: Pairs, increment: int | None, name: str) -> None:
    found, score = terminator_of(settings, increment)
    assert found == name
    assert 0.5 <= score < 1


@pytest.mark.parametrize("settings", [(), ((3, 7),), ((1, 1), (2, 2), (99, 3)), ((5, 1),)])
def test_settings_of_nobody_we_know_name_nobody(settings: Pairs) -> None:
    assert terminator_of(settings, None) == (None, 0.0)


def test_no_score_is_above_one_whatever_the_print() -> None:
    for candidate in PRINTS:
        _, score = terminator_of(tuple(candidate.values), candidate.window_increment)
        assert 0 <= score <= 1
