"""`list`: services, methods, and what keeps them from being listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grpcdoctor.report.schemas import schema
from tests.cli.client_servers import running_kitchen
from tests.cli.environment import Environment, Result
from tests.lab import fakes
from tests.lab.kitchen_sink import Kitchen
from tests.lab.kitchen_sink.variants import TOKEN
from tests.lab.processes import free_port

__all__ = ["running_kitchen"]

SERVICES = [
    "BareService", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
    "kitchen.v1.Adorned", "kitchen.v1.Echo", "kitchen.v1.Raw", "kitchen.v1.Script", "kitchen.v1.Silent",
    "pantry.v2.Pantry",
]  # fmt: skip


def record_of(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.out)
    jsonschema.Draft202012Validator(schema("list")).validate(found)
    return found


def test_services_are_listed_one_a_line(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("list", running_kitchen.addresses["plain"], "--plaintext")
    assert (result.code, result.out.splitlines(), result.err) == (0, SERVICES, "")


def test_a_services_methods_are_listed_as_call_takes_them(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("list", "--plaintext", running_kitchen.addresses["plain"], "pantry.v2.Pantry")
    assert result.code == 0
    assert "pantry.v2.Pantry/Watch" in result.out.splitlines()


def test_verbose_shows_what_methods_take_and_give(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("list", running_kitchen.addresses["plain"], "--plaintext", "-v", "kitchen.v1.Script")
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert lines[0] == "kitchen.v1.Script"
    assert "BidiStream (stream Plan) → stream Note, bidi-streaming" in lines
    assert "Unary (Plan) → Note" in lines
    assert "Gone (Old) → Old, deprecated" in lines
    assert "Metadata (google.protobuf.Empty) → Received" in lines


def test_files_need_no_target(env: Environment, running_kitchen: Kitchen) -> None:
    protoset = ("--protoset", str(running_kitchen.protoset))
    proto = ("--proto", str(running_kitchen.protos / "bare.proto"))
    assert "kitchen.v1.Script" in env.run("list", *protoset).out.splitlines()
    assert "kitchen.v1.Script/Unary" in env.run("list", *protoset, "kitchen.v1.Script").out.splitlines()
    assert env.run("list", *proto).out == "BareService\n"
    assert env.run("list", *proto, "localhost:1", "BareService").out == "BareService/Call\n"


def test_json_has_methods_where_they_were_asked_for(env: Environment, running_kitchen: Kitchen) -> None:
    address = running_kitchen.addresses["plain"]
    plain = record_of(env.run("list", address, "--plaintext", "-o", "json"))
    assert [service["name"] for service in plain["services"]] == SERVICES
    assert {service["methods"] for service in plain["services"]} == {None}
    [service] = record_of(env.run("list", address, "--plaintext", "-o", "json", "kitchen.v1.Script"))["services"]
    assert {"name": "Gone", "kind": "unary", "request": "kitchen.v1.Old", "response": "kitchen.v1.Old",
            "deprecated": True} in service["methods"]  # fmt: skip


def test_a_service_that_cannot_be_described_hides_no_other(env: Environment, running_kitchen: Kitchen) -> None:
    arguments = ("list", running_kitchen.addresses["without_dependency"], "--plaintext", "-v")
    result = env.run(*arguments)
    assert result.code == 0
    assert "its methods are not known: " in result.out
    assert "(Bare) → Bare" in result.out
    errors = {each["name"]: each["error"] for each in record_of(env.run(*arguments, "-o", "json"))["services"]}
    assert "legacy.proto" in errors["kitchen.v1.Echo"]
    assert errors["BareService"] is None


def test_nothing_to_list_is_said(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("list", running_kitchen.addresses["plain"], "--plaintext", "kitchen.v1.Silent")
    assert (result.code, result.out, result.err) == (0, "", "grpcdoctor list: there are no methods\n")
    result = env.run("list", running_kitchen.addresses["listing_nothing"], "--plaintext")
    assert (result.code, result.out, result.err) == (0, "", "grpcdoctor list: there are no services\n")


@pytest.mark.parametrize("word", ["kitchen.v1.Scrip", "Script", "scrip"])
def test_a_wrong_name_gets_suggestions(env: Environment, running_kitchen: Kitchen, word: str) -> None:
    result = env.run("list", running_kitchen.addresses["plain"], "--plaintext", word)
    assert result.code == 1
    assert "did you mean kitchen.v1.Script" in result.err


def test_only_services_are_suggested_for_a_service(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("list", running_kitchen.addresses["plain"], "--plaintext", "kitchen.v1.Note2")
    assert (result.code, result.err) == (1, "grpcdoctor list: Service not found: kitchen.v1.Note2\n")


def test_what_is_no_service_is_told(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("list", running_kitchen.addresses["plain"], "--plaintext", "kitchen.v1.Note")
    assert result.errors[0] == "grpcdoctor list: kitchen.v1.Note is no service; describe shows what it is"


def test_guarded_reflection_takes_its_metadata(env: Environment, running_kitchen: Kitchen, tmp_path: Path) -> None:
    address = running_kitchen.addresses["guarded_reflection"]
    headers = tmp_path / "headers"
    headers.write_text(f"authorization: {TOKEN}\n", encoding="utf-8")
    refused = env.run("list", address, "--plaintext")
    assert refused.code == 1
    assert "UNAUTHENTICATED" in refused.err
    assert env.run("list", address, "--plaintext", "--reflect-header", f"@{headers}").code == 0


def test_no_reflection_is_told(env: Environment, running_kitchen: Kitchen) -> None:
    result = env.run("list", running_kitchen.addresses["without_reflection"], "--plaintext")
    assert result.code == 1
    assert "reflection" in result.err


def test_a_refused_connection_is_json_too(env: Environment) -> None:
    result = env.run("list", f"127.0.0.1:{free_port()}", "--plaintext", "-o", "json")
    found = record_of(result)
    assert (result.code, found["services"], found["error"]["step"]) == (1, [], "tcp")


@pytest.mark.parametrize("make", [fakes.silent, fakes.garbage, fakes.closes_silently, fakes.no_answer, fakes.http1])
def test_no_server_hangs_or_crashes_it(env: Environment, make: Any) -> None:
    with make() as server:
        result = env.run("list", f"127.0.0.1:{server.port}", "--plaintext", "--timeout", "500ms")
    assert (result.code, result.out) == (1, "")
    assert "bug in grpcdoctor" not in result.err


def test_no_target_and_no_files_is_usage(env: Environment) -> None:
    result = env.run("list")
    assert result.code == 2
    assert "name a TARGET, such as localhost:50051 (or give files: --protoset, --proto)" in result.errors[0]
