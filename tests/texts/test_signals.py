"""The plain values of a text: statuses, codes, flags, times, names, versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.model.codes import GrpcStatus, Http2Error
from grpcdoctor.texts.signals import signals_in

ISTIO = (
    '[2026-11-25T03:00:00.000Z] "POST /shop.Cart/Add HTTP/2" 200 UF,URX upstream_reset_before_response_started{x} - '
    '"TLS_error" 5 0 12 - "-" "grpc-go/1.67.0" "id" "cart.prod:50051" "10.0.0.7:50051" '
    "outbound|50051||cart.prod.svc.cluster.local 10.0.0.1:1 10.0.0.2:50051 10.0.0.3:4 - default"
)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("rpc error: code = Unavailable desc = x", GrpcStatus.UNAVAILABLE),
        ("rpc error: code = Canceled desc = x", GrpcStatus.CANCELLED),
        ("status = StatusCode.DEADLINE_EXCEEDED", GrpcStatus.DEADLINE_EXCEEDED),
        ("Error: 14 UNAVAILABLE: No connection", GrpcStatus.UNAVAILABLE),
        ("io.grpc.StatusRuntimeException: INTERNAL: RST", GrpcStatus.INTERNAL),
        ('Status(StatusCode="Unknown", Detail="x")', GrpcStatus.UNKNOWN),
        ("status: Internal, message: x", GrpcStatus.INTERNAL),
        ("grpc-status: 7", GrpcStatus.PERMISSION_DENIED),
        ("gRPC Error (code: 2, codeName: UNKNOWN)", GrpcStatus.UNKNOWN),
        ("ERROR: Code: Unimplemented Message: x", GrpcStatus.UNIMPLEMENTED),
        ("nothing of the kind", None),
    ],
)
def test_a_status_is_read_in_every_librarys_spelling(text: str, status: GrpcStatus | None) -> None:
    assert signals_in(text).grpc_status is status


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Received RST_STREAM with error code 0", Http2Error.NO_ERROR),
        ("RST_STREAM closed stream. HTTP/2 error code: PROTOCOL_ERROR", Http2Error.PROTOCOL_ERROR),
        ("The HTTP/2 server reset the stream. HTTP/2 error code 'CANCEL' (0x8).", Http2Error.CANCEL),
        ("ErrCode=ENHANCE_YOUR_CALM, debug", Http2Error.ENHANCE_YOUR_CALM),
        ("stream 1 was not closed cleanly: INTERNAL_ERROR (err 2)", Http2Error.INTERNAL_ERROR),
    ],
)
def test_an_http2_error_is_read_as_number_and_as_name(text: str, error: Http2Error) -> None:
    assert signals_in(text).http2_error is error


def test_a_line_of_istio_names_flag_service_method_and_version() -> None:
    signals = signals_in(ISTIO)
    assert signals.flags == ("UF", "URX")
    assert signals.service == ("prod", "cart")
    assert signals.method == "shop.Cart/Add"
    assert ("grpc-go", "1.67.0") in signals.versions


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("dial tcp 10.0.0.1:443: i/o timeout", "10.0.0.1:443"),
        ('Failed to dial target host "grpc.example.com:443": EOF', "grpc.example.com:443"),
        ("connect ECONNREFUSED 127.0.0.1:50051", "127.0.0.1:50051"),
        ("ipv4:10.0.0.1:443: Failed to connect", "10.0.0.1:443"),
        ("dial tcp [::1]:50051: connect: refused", "[::1]:50051"),
        ("see https://github.com/grpc/grpc-go", None),
    ],
)
def test_the_endpoint_is_taken_from_the_text(text: str, target: str | None) -> None:
    assert signals_in(text).target == target


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Deadline exceeded after 5.002s", (5.002,)),
        ("the stream dies after 15 seconds", (15.0,)),
        ("exactly every 5 minutes", (300.0,)),
        ("after 350s of silence", (350.0,)),
        ('"duration": 15001', (15.001,)),
    ],
)
def test_an_elapsed_time_is_read_in_seconds(text: str, seconds: tuple[float, ...]) -> None:
    assert signals_in(text).elapsed_seconds == seconds


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    dict(signals_in(text).said())
