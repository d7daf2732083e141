"""`describe`: proto source of every kind of symbol, templates, comments."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grpcdoctor.report.schemas import schema
from tests.cli.client_servers import running_kitchen
from tests.cli.environment import Environment, Result, Terminal
from tests.lab.kitchen_sink import Kitchen

__all__ = ["running_kitchen"]

_COLOURS = re.compile(r"\x1b\[[\d;]*m")


@pytest.fixture
def describe(env: Environment, running_kitchen: Kitchen) -> Any:
    def run(*arguments: str, variant: str = "plain") -> Result:
        return env.run("describe", running_kitchen.addresses[variant], "--plaintext", *arguments)

    return run


def record_of(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.out)
    jsonschema.Draft202012Validator(schema("describe")).validate(found)
    return found


@pytest.mark.parametrize(
    "symbol", ["kitchen.v1.Script.Gone", "kitchen.v1.Script/Gone", ".kitchen.v1.Script.Gone", "/kitchen.v1.Script/Gone"]
)
@pytest.mark.parametrize("variant", ["plain", "stock"])
def test_a_method_however_it_is_written_and_whoever_serves_it(describe: Any, symbol: str, variant: str) -> None:
    result = describe(symbol, variant=variant)
    assert result.code == 0
    assert result.out == (
        "// kitchen.v1.Script.Gone is a method\n"
        "rpc Gone ( .kitchen.v1.Old ) returns ( .kitchen.v1.Old ) {\n  option deprecated = true;\n}\n"
    )


@pytest.mark.parametrize(
    ("symbol", "head", "line"),
    [
        ("kitchen.v1.Note", "a message", "message Note {"),
        ("kitchen.v1.Colour", "an enum", "  INFRARED = -1;"),
        ("kitchen.v1.Script", "a service", "  rpc Unary ( .kitchen.v1.Plan ) returns ( .kitchen.v1.Note );"),
        ("kitchen.v1.Note.text", "a field", "string text = 1;"),
    ],
)
def test_every_kind_of_symbol(describe: Any, symbol: str, head: str, line: str) -> None:
    result = describe(symbol)
    assert result.code == 0
    assert result.out.splitlines()[0] == f"// {symbol} is {head}"
    assert line in result.out.splitlines()


def test_without_a_symbol_all_services_are_described(describe: Any) -> None:
    result = describe()
    assert result.code == 0
    assert result.out.startswith("// BareService is a service\n")
    assert "// kitchen.v1.Script is a service" in result.out


def test_files_need_no_target_and_have_comments(env: Environment, running_kitchen: Kitchen) -> None:
    for source in (("--protoset", str(running_kitchen.protoset)),
                   ("--proto", "kitchen/v1/services.proto", "--import-path", str(running_kitchen.protos))):  # fmt: skip
        result = env.run("describe", *source, "kitchen.v1.Plan", "-v")
        assert result.code == 0
        assert result.out.startswith("// kitchen.v1.Plan is a message, in kitchen/v1/services.proto\n")
        assert "// Waited before the first answer." in result.out


def test_a_template_is_a_request_that_can_be_sent(describe: Any, env: Environment, running_kitchen: Kitchen) -> None:
    for symbol in ("kitchen.v1.WellKnown", "kitchen.v1.Echo/WellKnown"):
        template = describe(symbol, "--template").out.partition("// A request to start from:\n")[2]
        address = running_kitchen.addresses["plain"]
        result = env.run("call", address, "--plaintext", "kitchen.v1.Echo/WellKnown", "-d", "@", stdin=template)
        assert result.code == 0
        assert json.loads(result.out).items() <= json.loads(template).items()


def test_json_has_the_template(describe: Any) -> None:
    [symbol] = record_of(describe("kitchen.v1.Note", "--template", "-o", "json"))["symbols"]
    assert symbol["template"]["text"] == ""


def test_a_service_has_no_template(describe: Any) -> None:
    result = describe("kitchen.v1.Script", "--template")
    assert result.code == 1
    assert " is a service; --template is for messages and methods" in result.err


def test_json_has_the_parts(describe: Any) -> None:
    [message] = record_of(describe("kitchen.v1.Everything", "-o", "json"))["symbols"]
    assert message["kind"] == "a message"
    assert message["file"] == "kitchen/v1/everything.proto"
    parts = {part["name"]: part for part in message["parts"]}
    assert parts["by_int32"]["type"] == "map<int32, string>"
    assert parts["chosen_bool"]["oneof"] == "choice"
    assert parts["old_one"] == {
        "name": "old_one", "json_name": "oldOne", "number": 71, "type": "string", "repeated": False, "oneof": None,
        "deprecated": True,
    }  # fmt: skip
    [enum] = record_of(describe("kitchen.v1.Colour", "-o", "json"))["symbols"]
    assert {"name": "BLUE", "number": 3, "deprecated": True} in enum["parts"]
    assert len(record_of(describe("-o", "json"))["symbols"]) > 5


def test_a_terminal_gets_colours_and_a_pipe_none(describe: Any, env: Environment) -> None:
    plain = describe("kitchen.v1.Script").out
    env.out = Terminal
    env.patch.setenv("TERM", "xterm")
    coloured = describe("kitchen.v1.Script").out
    assert "\x1b" not in plain
    assert "\x1b[35mrpc\x1b[0m" in coloured
    assert _COLOURS.sub("", coloured) == plain


@pytest.mark.parametrize(
    ("symbol", "meant"),
    [("kitchen.v1.Notte", "kitchen.v1.Note"), ("Note", "kitchen.v1.Note"), ("kitchen.v1.Scribt", "kitchen.v1.Script")],
)
def test_a_wrong_name_gets_suggestions(describe: Any, symbol: str, meant: str) -> None:
    result = describe(symbol)
    assert (result.code, result.out) == (1, "")
    assert meant in result.err.partition("did you mean ")[2]


def test_an_error_is_json_too(describe: Any) -> None:
    result = describe("nope", "-o", "json")
    found = record_of(result)
    assert (result.code, found["symbols"], found["error"]["stage"]) == (1, [], "schema")


def test_what_is_described_can_be_written(describe: Any, env: Environment, tmp_path: Path) -> None:
    file, folder = tmp_path / "out.pb", tmp_path / "protos"
    assert describe("Bare", "--protoset-out", str(file), "--proto-out-dir", str(folder)).code == 0
    assert env.run("describe", "--protoset", str(file), "Bare").code == 0
    again = env.run("describe", "--proto", "bare.proto", "--import-path", str(folder), "Bare")
    assert again.code == 0


def test_a_file_that_cannot_be_written_is_one_line(describe: Any) -> None:
    result = describe("kitchen.v1.Note", "--protoset-out", "/proc/nope/x")
    assert result.code == 2
    assert "--protoset-out: cannot write /proc/nope/x: " in result.errors[0]
