"""What the tests of call, list and describe share: servers that are started once for a file, and readers of output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

from grpcdoctor.report.schemas import schema
from tests.cli.environment import Environment, Result
from tests.lab.kitchen_sink import Kitchen, kitchen

Run = Callable[..., Result]

VALIDATOR = jsonschema.Draft202012Validator(schema("call"))
UNARY, SERVER = "kitchen.v1.Script/Unary", "kitchen.v1.Script/ServerStream"
CLIENT, BIDI = "kitchen.v1.Script/ClientStream", "kitchen.v1.Script/BidiStream"


@pytest.fixture(scope="module")
def running_kitchen() -> Iterator[Kitchen]:
    with kitchen() as running:
        yield running


@pytest.fixture
def call(env: Environment, running_kitchen: Kitchen) -> Run:
    """`call` of the plain kitchen."""

    def run(*arguments: str, stdin: str = "", variant: str = "plain") -> Result:
        return env.run("call", running_kitchen.addresses[variant], "--plaintext", *arguments, stdin=stdin)

    return run


def objects(result: Result) -> list[Any]:
    """Every JSON value on stdout, valid by the schema."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while result.out[at:].strip():
        value, at = decoder.raw_decode(result.out, at + len(result.out[at:]) - len(result.out[at:].lstrip()))
        found.append(value)
    return found


def record_of(result: Result) -> dict[str, Any]:
    [found] = objects(result)
    VALIDATOR.validate(found)
    assert isinstance(found, dict)
    return found


def plan(**fields: Any) -> str:
    return json.dumps(fields)


NOTES = plan(notes=[{"text": "a"}, {"text": "b"}])


def failure(**fields: Any) -> str:
    return plan(failure=fields)
