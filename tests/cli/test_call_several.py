"""More than one call: repeated, tried again, saved and sent again."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from tests.cli.client_servers import (
    CLIENT,
    NOTES,
    SERVER,
    UNARY,
    VALIDATOR,
    Run,
    call,
    failure,
    objects,
    plan,
    record_of,
    running_kitchen,
)
from tests.cli.environment import Environment
from tests.lab.kitchen_sink import Kitchen
from tests.lab.processes import free_port

__all__ = ["call", "running_kitchen"]

def test_repeating_sums_up_what_it_took(call: Run) -> None:
    result = call("kitchen.v1.Echo/Int64", "-d", "1 2", "--repeat", "3")
    assert objects(result) == ["1", "2"] * 3
    assert result.errors[0] == "6 calls: 6 OK"
    assert re.match(r"latency: min \S+ ms, median \S+ ms, max \S+ ms", result.errors[1])
    assert re.match(r"the first \S+ ms, the rest \S+ ms \(median\)", result.errors[2])


def test_repeating_counts_statuses_and_goes_on(call: Run) -> None:
    result = call(UNARY, "-d", NOTES + failure(code=8, message="full"), "--repeat", "2")
    assert result.code == 64 + 8
    assert "4 calls: 2 OK, 2 RESOURCE_EXHAUSTED" in result.errors


def test_repeating_in_json_is_a_line_a_call_and_one_for_all(call: Run) -> None:
    result = call(UNARY, "-d", NOTES, "--repeat", "2", "-o", "json")
    found = [json.loads(line) for line in result.out.splitlines()]
    for each in found:
        VALIDATOR.validate(each)
    assert [each["schema"] for each in found] == ["grpcdoctor.call/v1"] * 2 + ["grpcdoctor.latency/v1"]
    assert found[-1]["statuses"] == {"OK": 2}


def test_a_stream_can_be_repeated(call: Run) -> None:
    assert objects(call(CLIENT, "-d", NOTES, "--repeat", "2")) == [{"text": "a, b", "number": 1}] * 2


def test_unavailable_is_tried_again_and_nothing_else_is(call: Run) -> None:
    result = call(UNARY, "-d", failure(code=14, message="busy"), "--retry", "2", "-o", "json")
    assert record_of(result)["retries"] == 2
    assert re.match(r"grpcdoctor call: UNAVAILABLE: busy; try 1 of 2 in 0\.\d s", result.errors[0])
    assert record_of(call(UNARY, "-d", failure(code=13, message="no"), "--retry", "2", "-o", "json"))["retries"] == 0


def test_a_stream_that_brought_something_is_not_tried_again(call: Run) -> None:
    result = call(SERVER, "-d", plan(notes=[{}], failure={"code": 14}), "--retry", "1", "-o", "json")
    assert record_of(result)["retries"] == 0


def test_connecting_is_tried_again(env: Environment) -> None:
    result = env.run("call", f"127.0.0.1:{free_port()}", "--plaintext", "a.B/C", "--retry", "1")
    assert result.code == 1
    assert "connection refused; try 1 of 1 in" in result.errors[0]
    assert "connection refused" in result.errors[1]


def test_a_saved_call_can_be_sent_again_and_is_compared(call: Run, env: Environment, tmp_path: Path) -> None:
    file = str(tmp_path / "call.json")
    assert call(SERVER, "-d", NOTES, "--save", file, "--timeout", "9").code == 0
    assert stat.S_IMODE((tmp_path / "call.json").stat().st_mode) == 0o600
    again = env.run("call", "--replay", file, "--compare")
    assert (again.code, objects(again)) == (0, [{"text": "a"}, {"text": "b"}])
    assert again.errors == ["grpcdoctor call: the answer is the same as the saved one"]
    other = env.run("call", "--replay", file, "--compare", "-d", plan(notes=[{"text": "a"}, {"text": "c"}]))
    assert other.code == 1
    assert other.errors == [
        "grpcdoctor call: the answer differs from the saved one:", '  messages[1].text: "b" -> "c"',
    ]  # fmt: skip


def test_a_replay_goes_to_another_target_where_one_is_named(
    call: Run, env: Environment, tmp_path: Path, running_kitchen: Kitchen
) -> None:
    file = str(tmp_path / "call.json")
    call(UNARY, "-d", NOTES, "--save", file)
    again = env.run("call", "--replay", file, running_kitchen.addresses["v1"], "-o", "json")
    assert record_of(again)["target"]["input"] == running_kitchen.addresses["v1"]
    assert record_of(again)["method"]["name"] == UNARY


def test_a_saved_call_holds_no_credential_and_asks_for_it(call: Run, env: Environment, tmp_path: Path) -> None:
    file = tmp_path / "call.json"
    env.patch.setenv("MINE", "Bearer from-the-environment")
    secret = ("-H", "authorization: Bearer abcdefgh", "-H", "x-token: ${MINE}", "-H", "x-id: 7")
    assert call("kitchen.v1.Script/Metadata", *secret, "--save", str(file)).code == 0
    text = file.read_text(encoding="utf-8")
    assert "${AUTHORIZATION}" in text
    assert "${MINE}" in text
    assert "x-id: 7" in text
    lacking = env.run("call", "--replay", str(file))
    assert lacking.code == 2
    assert "${AUTHORIZATION} is not set in the environment" in lacking.errors[0]
    given = env.run("call", "--replay", str(file), "-H", "authorization: Bearer other")
    assert "Bearer other" in given.out
    assert "from-the-environment" in given.out


def test_a_credential_that_is_echoed_is_not_saved(call: Run, tmp_path: Path) -> None:
    file = tmp_path / "call.json"
    call("kitchen.v1.Script/Metadata", "-H", "authorization: Bearer abcdefgh", "--save", str(file))
    assert "abcdefgh" not in file.read_text(encoding="utf-8")


def test_a_credential_that_is_echoed_is_not_compared(call: Run, env: Environment, tmp_path: Path) -> None:
    file, secret = tmp_path / "call.json", ("-H", "authorization: Bearer abcdefgh")
    call("kitchen.v1.Script/Metadata", *secret, "--save", str(file))
    again = env.run("call", "--replay", str(file), "--compare", *secret)
    assert (again.code, again.err) == (0, "grpcdoctor call: the answer is the same as the saved one\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is no JSON"),
        ("[]", "is no saved call"),
        ('{"schema": "grpcdoctor.saved-call/v1"}', "lacks a part"),
        ('{"schema": "grpcdoctor.saved-call/v1", "target": "h", "method": "a.B/C", "arguments": ["--nope"],'
         ' "call": {"schema": "grpcdoctor.call/v1", "request": {"messages": []}, "response": {}}}', "does not take"),
    ],
)  # fmt: skip
def test_a_broken_saved_call_is_one_line(env: Environment, tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "call.json"
    file.write_text(content, encoding="utf-8")
    result = env.run("call", "--replay", str(file))
    assert result.code == 2
    assert result.errors[0].startswith("grpcdoctor call: --replay: ")
    assert why in result.errors[0]


def test_a_saved_call_cannot_make_anything_be_written(call: Run, env: Environment, tmp_path: Path) -> None:
    file, victim = tmp_path / "call.json", tmp_path / "victim"
    call(UNARY, "-d", NOTES, "--save", str(file))
    content = json.loads(file.read_text(encoding="utf-8"))
    content["arguments"] += ["--save", str(victim), "--protoset-out", str(victim), "--proto-out-dir", str(victim)]
    file.write_text(json.dumps(content), encoding="utf-8")
    assert env.run("call", "--replay", str(file)).code == 0
    assert not victim.exists()
