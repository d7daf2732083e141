"""`grpcdoctor probe --envoy`: what it prints, what its JSON holds, and what it refuses in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from grpcdoctor.report.json import schema
from tests.cli.environment import Environment, Result

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy


def probed(env: Environment, envoy: Envoy, scenario: str, *more: str) -> Result:
    target = f"grpc://127.0.0.1:{envoy.port(scenario)}"
    admin = f"http://127.0.0.1:{envoy.admin_port}"
    return env.run("probe", target, "--envoy", admin, "--no-cluster", "--no-second-opinion", *more)


def test_text_shows_what_envoy_said(env: Environment, envoy: Envoy) -> None:
    result = probed(env, envoy, "tls-to-plaintext")
    assert result.code == 1
    assert "upstream-tls-mismatch" in result.out
    assert "envoy: cluster grpc-over-tls: ssl.connection_error +" in result.out


def test_json_holds_the_facts_and_fits_the_schema(env: Environment, envoy: Envoy) -> None:
    result = probed(env, envoy, "h2-to-http1", "-o", "json")
    report = json.loads(result.out)
    Draft202012Validator(schema()).validate(report)
    facts = next(item["facts"] for item in report["observations"] if item["probe"] == "envoy")
    assert facts["entrance"]["listener"] == "h2-to-http1"
    assert facts["backends"][0]["version"] == "h2"
    assert facts["calls"] == facts["took"] == 5
    assert report["causes"][0]["evidence"][0]["source"] == "envoy"


def test_a_healthy_endpoint_exits_0(env: Environment, envoy: Envoy) -> None:
    result = probed(env, envoy, "healthy-h2c")
    assert result.code == 0
    assert "cluster grpc" in result.out


def test_an_envoy_that_does_not_answer_is_said_and_costs_nothing(env: Environment, envoy: Envoy) -> None:
    target = f"grpc://127.0.0.1:{envoy.port('healthy-h2c')}"
    result = env.run("probe", target, "--envoy", "unix:/nowhere.sock", "--no-cluster")
    assert result.code == 0
    assert "not looked at: what the Envoy on the way says" in result.out


@pytest.mark.parametrize("options", [["--count", "3"], ["--quick"], ["-v"]])
def test_it_goes_with_other_options(env: Environment, envoy: Envoy, options: list[str]) -> None:
    result = probed(env, envoy, "upstream-refused", *options)
    assert result.code == 1
    assert "nothing listens there" in " ".join(result.out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["localhost:1", "--envoy", "nonsense"], "not an admin address"),
        (["localhost:1", "--envoy", "-"], "a probe needs a running Envoy"),
        (["localhost:1", "--envoy", "pod//greeter"], "write pod/NAMESPACE/NAME"),
        (["localhost:1", "localhost:2", "--envoy", "localhost:15000"], "name just one, or leave out --envoy"),
        (["--replay", "run.json", "--envoy", "localhost:15000"], "leave out --envoy"),
    ],
)
def test_what_cannot_be_is_one_line(env: Environment, arguments: list[str], words: str) -> None:
    result = env.run("probe", *arguments)
    assert result.code == 2
    assert words in " ".join(result.err.split())


def test_a_saved_dump_is_refused_with_what_reads_it(env: Environment, tmp_path: Path) -> None:
    dump = tmp_path / "dump.json"
    dump.write_text("{}")
    result = env.run("probe", "localhost:1", "--envoy", str(dump))
    assert result.code == 2
    assert f"grpcdoctor envoy {dump}" in " ".join(result.err.split())
