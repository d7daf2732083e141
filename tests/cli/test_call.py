"""`call`: requests in, responses out, what is shown beside them, and where descriptors come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.client_servers import (
    BIDI,
    CLIENT,
    NOTES,
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
from tests.cli.environment import Environment, Terminal
from tests.lab.certificates import lab_certificates
from tests.lab.kitchen_sink import Kitchen
from tests.lab.kitchen_sink.variants import TOKEN
from tests.lab.processes import free_port

__all__ = ["call", "running_kitchen"]

def test_a_unary_call_prints_the_response_alone(call: Run) -> None:
    result = call(UNARY, "-d", NOTES)
    assert (result.code, result.out, result.err) == (0, '{\n  "text": "a"\n}\n', "")


def test_options_may_stand_anywhere_and_the_method_may_have_dots(env: Environment, running_kitchen: Kitchen) -> None:
    address = running_kitchen.addresses["plain"]
    result = env.run("call", "-d", "{}", address, "--emit-defaults", "kitchen.v1.Script.Unary", "--plaintext")
    assert result.code == 0
    assert json.loads(result.out) == {"text": "", "number": 0, "thing": None}


def test_without_data_an_empty_message_is_sent(call: Run) -> None:
    assert call("kitchen.v1.Echo/Nothing").out == "{}\n"


@pytest.mark.parametrize("word", ["@", "-", "@-"])
def test_data_may_come_from_standard_input(call: Run, word: str) -> None:
    assert json.loads(call(UNARY, "-d", word, stdin=NOTES).out) == {"text": "a"}


def test_data_may_come_from_a_file(call: Run, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(NOTES, encoding="utf-8")
    assert json.loads(call(UNARY, "-d", f"@{file}").out) == {"text": "a"}


def test_streams_of_all_kinds(call: Run) -> None:
    assert objects(call(SERVER, "-d", NOTES)) == [{"text": "a"}, {"text": "b"}]
    assert objects(call(CLIENT, "-d", NOTES + NOTES)) == [{"text": "a, b, a, b", "number": 2}]
    assert objects(call(BIDI, "-d", NOTES + NOTES)) == [{"text": "a"}, {"text": "b"}] * 2


def test_several_requests_to_a_unary_method_are_as_many_calls(call: Run) -> None:
    result = call("kitchen.v1.Echo/Int64", "-d", "1 2 3", "-v")
    assert objects(result) == ["1", "2", "3"]
    assert result.err.count("* OK: ") == 3
    assert result.err.count("* connected to") == 1


def test_keys_are_by_the_specification_even_where_the_server_strips_json_names(call: Run) -> None:
    data = plan(oldOne="x", number1In2Name3="y")
    given = call("kitchen.v1.Echo/Everything", "-d", data)
    stripped = call("kitchen.v1.Echo/Everything", "-d", data, variant="without_json_names")
    assert json.loads(given.out) == json.loads(stripped.out) == {"oldOne": "x", "number1In2Name3": "y"}
    assert json.loads(call("kitchen.v1.Echo/Everything", "-d", data, "--proto-names").out) == {
        "old_one": "x", "number_1_in_2_name3": "y",
    }  # fmt: skip


def test_the_text_format_goes_both_ways(call: Run) -> None:
    result = call(SERVER, "--format", "text", "-d", 'notes { text: "a" } notes { text: "b" }')
    assert (result.code, result.out) == (0, 'text: "a"\n\x1e\ntext: "b"\n')


def test_unknown_fields_are_refused_with_a_suggestion_or_skipped(call: Run) -> None:
    refused = call(UNARY, "-d", plan(note=[]))
    assert refused.code == 1
    assert refused.err.count("did you mean notes?") == 1
    assert call(UNARY, "-d", plan(nonsense=[]), "--allow-unknown-fields").code == 0


def test_what_a_server_writes_does_not_steer_the_terminal(call: Run) -> None:
    result = call("kitchen.v1.Echo/String", "-d", json.dumps("\u009b31m \u202e \x1b[2J"))
    assert "\x1b" not in result.out
    assert "\x9b" not in result.out
    assert json.loads(result.out) == "\u009b31m \u202e \x1b[2J"


def test_a_terminal_gets_colours_unless_they_are_not_wanted(call: Run, env: Environment) -> None:
    env.out = Terminal
    env.patch.setenv("TERM", "xterm")
    assert "\x1b[36m" in call(UNARY, "-d", NOTES).out
    assert "\x1b" not in call(UNARY, "-d", NOTES, "--no-color").out


def test_verbose_words_are_on_stderr(call: Run) -> None:
    result = call(UNARY, "-d", plan(notes=[{"text": "a"}], headers=[{"name": "h", "text": "1"}],
                                    trailers=[{"name": "t", "text": "2"}]), "-v", "-H", "x-id: 7")  # fmt: skip
    assert json.loads(result.out) == {"text": "a"}
    assert re.match(r"\* connected to 127\.0\.0\.1:\d+: HTTP/2, plaintext \(tcp .* ms, http/2 .* ms\)", result.err)
    for line in ("* kitchen.v1.Script/Unary, unary", "> x-id: 7", "< h: 1", "< message 1: 3 bytes", "< t: 2"):
        assert line in result.errors
    ending = r"\* OK: 1 sent \(\d+ bytes\), 1 received \(8 bytes\), first byte [\d.]+ ms, total [\d.]+ ms"
    assert re.fullmatch(ending, result.errors[-1])


def test_credentials_are_not_shown_unless_asked_for(call: Run) -> None:
    arguments = ("kitchen.v1.Script/Metadata", "-v", "-H", "authorization: Bearer abcdefgh")
    assert "> authorization: [redacted]" in call(*arguments).errors
    assert "abcdefgh" not in call(*arguments).err
    assert "> authorization: Bearer abcdefgh" in call(*arguments, "--show-secrets").errors


def test_json_has_all_of_a_call(call: Run, running_kitchen: Kitchen) -> None:
    request = plan(notes=[{"text": "a"}, {"text": "b"}], headers=[{"name": "h", "text": "1"}],
                   trailers=[{"name": "t-bin", "binary": "AQI="}], compression="gzip")  # fmt: skip
    result = call(SERVER, "-d", request, "-o", "json", "-H", "cookie: secret", "--compress", "gzip", "--timeout", "7")
    found = record_of(result)
    assert found["method"] == {"name": SERVER, "kind": "server-streaming"}
    assert found["connection"]["address"] == running_kitchen.addresses["plain"]
    assert found["connection"]["http_version"] == "2"
    assert found["request"]["messages"] == [json.loads(request)]
    assert found["request"]["metadata"]["cookie"] == ["[redacted]"]
    assert found["request"]["metadata"]["grpc-encoding"] == ["gzip"]
    assert found["request"]["deadline_ms"] == 7000
    assert found["request"]["bytes"] > 5
    assert found["response"]["messages"] == [{"text": "a"}, {"text": "b"}]
    assert found["response"]["headers"]["h"] == ["1"]
    assert found["response"]["trailers"]["t-bin"] == ["AQI="]
    assert found["status"]["name"] == "OK"
    assert 0 < found["timings"]["first_byte_ms"] <= found["timings"]["total_ms"]
    assert result.err == ""


def test_json_of_a_failed_call_has_its_details(call: Run) -> None:
    detail = {"@type": "type.googleapis.com/kitchen.v1.Note", "text": "why"}
    result = call(UNARY, "-d", failure(code=9, message="no", details=[detail]), "-o", "json")
    found = record_of(result)
    assert (result.code, found["exit_code"]) == (73, 73)
    assert found["status"] == {
        "code": 9, "name": "FAILED_PRECONDITION", "message": "no", "details": [detail], "from_peer": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "stage", "step"),
    [
        ((UNARY, "-d", "{"), "request", None),
        ((UNARY, "-d", '{"x": 1}'), "request", None),
        (("kitchen.v1.Script/Nope",), "schema", None),
        (("kitchen.v1.Nope/Nope",), "schema", None),
    ],
)
def test_json_says_why_a_call_was_not_made(call: Run, arguments: tuple[str, ...], stage: str, step: str | None) -> None:
    result = call(*arguments, "-o", "json")
    found = record_of(result)
    assert (result.code, found["exit_code"], found["status"]) == (1, 1, None)
    assert (found["error"]["stage"], found["error"]["step"]) == (stage, step)


def test_json_names_the_step_at_which_connecting_failed(env: Environment) -> None:
    found = record_of(env.run("call", f"127.0.0.1:{free_port()}", "--plaintext", "a.B/C", "-o", "json"))
    assert (found["error"]["stage"], found["error"]["step"], found["connection"]) == ("connect", "tcp", None)


def test_tls_facts_are_in_verbose_and_in_json(env: Environment, running_kitchen: Kitchen) -> None:
    address = running_kitchen.addresses["tls"].replace("127.0.0.1", "localhost")
    arguments = ("call", address, "--cacert", str(lab_certificates().ca), "kitchen.v1.Echo/Nothing")
    result = env.run(*arguments, "-v")
    assert result.code == 0
    assert re.search(r"\* TLSv1\.[23] \S+, ALPN h2, SNI localhost", result.err)
    assert re.search(r"\* certificate CN=.* until 20\S+, verified", result.err)
    tls = record_of(env.run(*arguments, "-o", "json"))["connection"]["tls"]
    assert tls["alpn"] == "h2"
    assert "localhost" in tls["certificate"]["names"]


def test_files_stand_in_for_reflection(call: Run, running_kitchen: Kitchen) -> None:
    for source in (
        ("--protoset", str(running_kitchen.protoset)),
        ("--proto", "kitchen/v1/services.proto", "--import-path", str(running_kitchen.protos)),
    ):
        result = call(UNARY, "-d", NOTES, *source, variant="without_reflection")
        assert (result.code, json.loads(result.out)) == (0, {"text": "a"})


def test_metadata_for_reflection_alone(call: Run) -> None:
    metadata = "kitchen.v1.Script/Metadata"
    allowed = call(metadata, "--reflect-header", f"authorization: {TOKEN}", variant="guarded_reflection")
    assert allowed.code == 0
    assert "authorization" not in allowed.out
    refused = call(metadata, variant="guarded_reflection")
    assert refused.code == 1
    assert "UNAUTHENTICATED" in refused.err
    assert '"authorization"' in call(metadata, "--rpc-header", "authorization: x").out


def test_descriptors_can_be_written(call: Run, tmp_path: Path) -> None:
    result = call(UNARY, "--protoset-out", str(tmp_path / "out.pb"), "--proto-out-dir", str(tmp_path / "protos"))
    assert result.code == 0
    assert (tmp_path / "protos" / "kitchen" / "v1" / "services.proto").exists()
    again = call(UNARY, "--protoset", str(tmp_path / "out.pb"), "-d", NOTES, variant="without_reflection")
    assert again.code == 0
