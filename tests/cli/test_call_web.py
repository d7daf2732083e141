"""`call` in gRPC-Web and Connect, against a real connect-go server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.client_servers import record_of
from tests.cli.environment import Environment
from tests.lab.connect_go import connect_go

PROTO = """\
syntax = "proto3";
package lab.v1;
import "google/protobuf/wrappers.proto";
service Web {
  rpc Unary(google.protobuf.StringValue) returns (google.protobuf.StringValue);
  rpc Stream(google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
  rpc Collect(stream google.protobuf.StringValue) returns (google.protobuf.StringValue);
  rpc Chat(stream google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
  rpc Both(stream google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
}
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with connect_go() as running:
        yield running


@pytest.fixture
def proto(tmp_path: Path) -> tuple[str, str]:
    file = tmp_path / "web.proto"
    file.write_text(PROTO, encoding="utf-8")
    return "--proto", str(file)


@pytest.mark.parametrize("http", ["1.1", "2"])
@pytest.mark.parametrize("protocol", ["grpc-web", "connect"])
def test_unary_and_streaming_calls(
    env: Environment, port: int, proto: tuple[str, str], protocol: str, http: str
) -> None:
    arguments = ("call", f"localhost:{port}", "--plaintext", *proto, "--protocol", protocol, "--http", http)
    unary = record_of(env.run(*arguments, "lab.v1.Web/Unary", "-d", '"say hello"', "-o", "json"))
    assert unary["response"]["messages"] == ["hello"]
    assert (unary["protocol"], unary["connection"]["http_version"]) == (protocol, http)
    stream = env.run(*arguments, "lab.v1.Web/Stream", "-d", '"say a b"')
    assert stream.code == 0
    assert [json.loads(line) for line in stream.out.splitlines()] == ["a", "b"]


@pytest.mark.parametrize(("method", "lines"), [("Collect", ["a+b"]), ("Chat", ["a", "b"])])
def test_requests_stream_over_connect(
    env: Environment, port: int, proto: tuple[str, str], method: str, lines: list[str]
) -> None:
    arguments = ("call", f"localhost:{port}", "--plaintext", *proto, "--protocol", "connect", "--http", "2")
    result = env.run(*arguments, f"lab.v1.Web/{method}", "-d", '"say a" "say b"')
    assert (result.code, [json.loads(line) for line in result.out.splitlines()]) == (0, lines)


def test_what_the_protocol_cannot_do_is_one_line(env: Environment, port: int, proto: tuple[str, str]) -> None:
    result = env.run("call", f"localhost:{port}", "--plaintext", *proto, "--protocol", "grpc-web", "lab.v1.Web/Both")
    assert result.code == 1
    assert "stream" in result.errors[0]
