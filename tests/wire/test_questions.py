"""A call's headers are those of a real gRPC client."""

from __future__ import annotations

import pytest

from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.questions import call_headers

TARGET = parse_target("grpc.example.com:8443")


def test_a_call_carries_what_grpc_wants_pseudo_headers_first() -> None:
    headers = call_headers(TARGET, True, "/a.B/C", 1.5)
    assert headers[:4] == (
        (":method", "POST"), (":scheme", "https"), (":path", "/a.B/C"), (":authority", "grpc.example.com:8443"),
    )  # fmt: skip
    assert dict(headers) | {"te": "trailers", "content-type": "application/grpc", "grpc-timeout": "1500m"} == dict(
        headers
    )


def test_a_deadline_that_is_almost_over_is_still_a_legal_timeout() -> None:
    assert dict(call_headers(TARGET, False, "/a.B/C", 0.0))["grpc-timeout"] == "1m"


def test_headers_that_are_ours_cannot_be_overridden() -> None:
    headers = call_headers(TARGET, False, "/a.B/C", 1.0, (("te", "x"), ("host", "y"), ("x-mine", "z")))
    assert [name for name, _ in headers].count("te") == 1
    assert headers[-1] == ("x-mine", "z")


@pytest.mark.parametrize(
    ("given", "sent"), [("AQID", "AQID"), ("AQI=", "AQI"), ("AQI", "AQI"), ("not base64!", "bm90IGJhc2U2NCE")]
)
def test_binary_metadata_travels_as_unpadded_base64(given: str, sent: str) -> None:
    assert call_headers(TARGET, False, "/a.B/C", 1.0, (("x-bin", given),))[-1] == ("x-bin", sent)
