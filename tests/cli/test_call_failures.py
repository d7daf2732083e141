"""How `call` tells each way of failing: statuses, connections, wrong command lines, hostile servers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.client_servers import (
    SERVER,
    UNARY,
    Run,
    call,
    failure,
    objects,
    plan,
    record_of,
    running_kitchen,
)
from tests.cli.environment import Environment
from tests.lab import fakes
from tests.lab.greeter import descriptor_set
from tests.lab.grpc_server import grpc_server
from tests.lab.kitchen_sink import Kitchen
from tests.lab.processes import free_port

__all__ = ["call", "running_kitchen"]


def test_a_status_is_told_on_stderr_and_in_the_exit_code(call: Run) -> None:
    result = call(UNARY, "-d", failure(code=5, message="no such jar"))
    assert (result.code, result.out) == (69, "")
    assert result.errors[0] == "grpcdoctor call: NOT_FOUND: no such jar"


def test_details_are_decoded_and_laid_out(call: Run) -> None:
    detail = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": "jar.name", "description": "is empty"}, {"field": "size"}],
    }
    result = call(UNARY, "-d", failure(code=3, message="two\nlines", details=[detail]))
    assert result.code == 67
    assert result.errors[:7] == [
        "grpcdoctor call: INVALID_ARGUMENT: two",
        "  lines",
        "  google.rpc.BadRequest",
        "    fieldViolations:",
        "      - field: jar.name",
        "        description: is empty",
        "      - field: size",
    ]


def test_what_came_before_the_failure_is_printed(call: Run) -> None:
    result = call(SERVER, "-d", plan(notes=[{"text": "a"}], failure={"code": 14, "message": "gone"}))
    assert (result.code, objects(result)) == (78, [{"text": "a"}])


def test_a_missing_dependency_is_named_with_its_chain_and_no_other_name_is_suggested(
    env: Environment, running_kitchen: Kitchen
) -> None:
    address = running_kitchen.addresses["without_dependency"]
    result = env.run("call", address, "kitchen.v1.Echo/Nothing", "--plaintext")
    assert result.code == 1
    assert result.err.splitlines()[0] == (
        'grpcdoctor call: target server does not expose service "kitchen.v1.Echo", '
        "caused by: File not found: kitchen/v1/services.proto, caused by: File not found: kitchen/v1/legacy.proto"
    )


@pytest.mark.parametrize("command", [("list",), ("describe", "kitchen.v1.Echo"), ("call", "kitchen.v1.Echo/Nothing")])
def test_a_server_without_reflection_is_told_by_every_command_and_what_to_do(
    env: Environment, running_kitchen: Kitchen, command: tuple[str, ...]
) -> None:
    name, *words = command
    result = env.run(name, running_kitchen.addresses["without_reflection"], *words, "--plaintext")
    assert result.code == 1
    assert "server does not support the reflection API" in result.err
    assert "it has no reflection service: register it, or give the schema in files" in result.err


def test_wrong_names_get_suggestions(call: Run) -> None:
    method = call("kitchen.v1.Script/Unari")
    service = call("kitchen.Script/Unary")
    assert (method.code, service.code) == (1, 1)
    assert "did you mean kitchen.v1.Script/Unary" in method.err
    assert "did you mean kitchen.v1.Script" in service.err


def test_a_refused_connection_is_told_at_once_and_as_what_it_is(env: Environment) -> None:
    port = free_port()
    result = env.run("call", f"127.0.0.1:{port}", "--plaintext", "a.B/C")
    assert result.code == 1
    assert result.errors[0] == f"grpcdoctor call: cannot connect to 127.0.0.1:{port}: connection refused"


def test_the_deadline_is_sent_and_kept(call: Run) -> None:
    result = call(UNARY, "-d", plan(seconds=5), "--timeout", "300ms", "-v")
    assert result.code == 64 + 4
    assert re.search(r"> grpc-timeout: (2\d\d|300)m|> grpc-timeout: [23]\d{5}u", result.err)


def test_a_failed_call_ends_with_what_most_likely_is_wrong(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("call", running_kitchen.addresses["tls"], "--plaintext", UNARY)
    assert result.code == 1
    assert len(result.errors) == 2
    assert re.match(r"likely cause: .*; proof: grpcdoctor probe --plaintext 127.0.0.1:\d+", result.errors[1])


def test_a_server_that_allows_one_stream_is_asked_and_then_called(env: Environment) -> None:
    """Reflection's stream must not be the one."""
    with grpc_server(max_concurrent_streams=1) as server:
        result = env.run("call", f"127.0.0.1:{server.port}", "--plaintext", "lab.Greeter/SayHello", "--timeout", "5s")
    assert (result.code, result.err) == (0, "")


def test_the_likely_cause_is_in_the_json_too(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("call", running_kitchen.addresses["tls"], "--plaintext", UNARY, "-o", "json")
    assert record_of(result)["likely_cause"] == result.errors[-1]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "name a TARGET and a METHOD"),
        ("h", "name a METHOD of h, such as package.Service/Method"),
        ("h nope", "'nope' is no method"),
        ("h a.B/C -d @/nope", "--data: cannot read /nope: No such file"),
        ("h a.B/C --retry -1", "--retry"),
        ("h a.B/C --compare", "--compare compares with a saved call: --replay FILE"),
        ("h a.B/C --interactive -d {}", "--interactive asks for what --data gives"),
        ("h a.B/C --interactive", "--interactive needs a terminal; give the request with --data instead"),
        ("h a.B/C --save /nope/x", "--save: there is no folder /nope"),
        ("h a.B/C --save /", "--save: / is a folder"),
        ("h a.B/C --save x --repeat 2", "--save keeps one call"),
        ("h a.B/C --replay /nope", "--replay: cannot read /nope"),
        ("h a.B/C --protoset a --proto b", "leave out one of them"),
        ("h a.B/C --import-path .", "name one with --proto"),
        ("h a.B/C --no-reflection", "--no-reflection needs another source"),
        ("h a.B/C --http 1.1", "gRPC needs HTTP/2"),
        ("h a.B/C --max-message-size 3T", "'3T' is no size of a message"),
        ("h a.B/C --plaintext --insecure", "--insecure is for TLS"),
        ("h a.B/C -H x", "metadata needs a colon"),
        ("h a.B/C --rpc-header te:x", "--rpc-header: 'te' belongs to gRPC itself"),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_one_line(env: Environment, line: str, why: str) -> None:
    result = env.run("call", *line.split())
    assert (result.code, result.out) == (2, "")
    assert why in result.errors[0]
    assert len(result.errors) == 2


@pytest.mark.parametrize(("option", "why"), [("--protoset", "nope"), ("--proto", "nope")])
def test_missing_descriptor_files_are_one_line(env: Environment, option: str, why: str) -> None:
    result = env.run("call", "127.0.0.1:1", "--plaintext", "a.B/C", option, "/nope")
    assert result.code == 2
    assert why in result.errors[0]
    assert len(result.errors) == 2


def test_a_service_that_files_lack_is_not_laid_on_the_server(env: Environment, running_kitchen: Kitchen) -> None:
    files = ("--protoset", str(running_kitchen.protoset))
    result = env.run("call", "127.0.0.1:1", "--plaintext", "kitchen.v1.Scribt/Unary", *files)
    words = 'the files that were given hold no service "kitchen.v1.Scribt"; did you mean kitchen.v1.Script?'
    assert (result.code, result.err) == (1, f"grpcdoctor call: {words}\n")


@pytest.mark.parametrize("command", [("list",), ("describe",), ("call", "localhost", "a.B/C")])
@pytest.mark.parametrize("option", ["--protoset", "--proto"])
def test_malformed_descriptor_files_are_a_wrong_command_line(
    env: Environment, tmp_path: Path, command: tuple[str, ...], option: str
) -> None:
    (tmp_path / "garbage").write_bytes(bytes(range(255, 0, -1)))
    env.patch.chdir(tmp_path)
    result = env.run(*command, option, "garbage")
    assert (result.code, result.out) == (2, "")
    assert "garbage" in result.errors[0]
    assert "absl" not in result.errors[0]


def test_a_response_larger_than_is_allowed_ends_the_call(call: Run) -> None:
    data = ("-d", plan(characters=50_000))
    assert call(UNARY, *data, "--max-message-size", "60K").code == 0
    result = call(UNARY, *data, "--max-message-size", "40K")
    assert result.code == 64 + 8
    assert "larger than max" in result.err


HOSTILE: dict[str, Any] = {
    "goaway": lambda: fakes.goaway(13),
    "rst_stream": lambda: fakes.rst_stream(8),
    "rst_stream_after_headers": lambda: fakes.rst_stream_after_headers(2),
    "max_concurrent_streams": lambda: fakes.max_concurrent_streams(0),
    "header_limit": fakes.header_limit,
    "trailers_stripped": fakes.trailers_stripped,
    "headers_only": fakes.headers_only,
    "grpc_answer": lambda: fakes.grpc_answer(999, "%ff%zz\x1b[2J"),
    "http2_answer": lambda: fakes.http2_answer(503),
    "no_answer": fakes.no_answer,
    "closes_silently": fakes.closes_silently,
    "resets": fakes.resets,
    "garbage": fakes.garbage,
    "ssh_banner": fakes.ssh_banner,
    "silent": fakes.silent,
    "http1": fakes.http1,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("output", ["text", "json"])
def test_no_server_hangs_or_crashes_a_call(env: Environment, tmp_path: Path, name: str, output: str) -> None:
    schema_file = tmp_path / "greeter.pb"
    schema_file.write_bytes(descriptor_set())
    with HOSTILE[name]() as server:
        arguments = ("lab.Greeter/SayHello", "--timeout", "500ms", "--protoset", str(schema_file), "-o", output)
        result = env.run("call", f"127.0.0.1:{server.port}", "--plaintext", *arguments)
    assert result.code not in (0, 2, 3)
    assert 1 <= len(result.errors) <= 4
    assert "bug in grpcdoctor" not in result.err
    assert "\x1b" not in result.err
    if output == "json":
        record_of(result)
