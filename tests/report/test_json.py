"""The JSON contract: every output is valid against the published schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from grpcdoctor.model.report import Report
from grpcdoctor.report.json import Many, render, schema
from grpcdoctor.report.style import Style
from grpcdoctor.version import __version__
from tests.report import samples

VALIDATOR = Draft202012Validator(schema())


def data_of(report: Report) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(render(report, Style()))
    return loaded


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("sample", samples.ALL)
@pytest.mark.parametrize("unicode", [False, True])
def test_every_report_is_valid(sample: Callable[[], Report], unicode: bool) -> None:
    text = render(sample(), Style(unicode=unicode))
    VALIDATOR.validate(json.loads(text))
    assert unicode or text.isascii()


def test_the_schema_is_strict_everywhere_but_in_facts_and_new_objects() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [found for item in node for found in objects(item)]
        if not isinstance(node, dict):
            return []
        own = [node] if node.get("type") == "object" else []
        return own + [found for item in node.values() for found in objects(item)]

    loose = [node for node in objects(schema()) if node.get("additionalProperties") is not False]
    assert [node.get("description", "")[:20] for node in loose] == ["The whole new object", "What the probe measu"]


@pytest.mark.parametrize("place", [(), ("target",), ("causes", 0), ("findings", 0), ("hops", 0), ("observations", 0)])
def test_a_field_too_many_is_refused(place: tuple[str | int, ...]) -> None:
    data = data_of(samples.broken())
    node: Any = data
    for step in place:
        node = node[step]
    node["surprise"] = 1
    with pytest.raises(ValidationError):
        VALIDATOR.validate(data)


def test_the_fields_are_those_of_the_contract_in_its_order() -> None:
    data = data_of(samples.broken())
    assert list(data) == [
        "schema",
        "tool",
        "command",
        "target",
        "started_at",
        "duration_ms",
        "verdict",
        "causes",
        "findings",
        "hops",
        "observations",
        "blind_spots",
    ]
    assert data["schema"] == "grpcdoctor.report/v1"
    assert data["tool"] == {"name": "grpcdoctor", "version": __version__}
    assert data["target"] == {
        "input": samples.ENDPOINT,
        "host": "grpc.example.com",
        "port": 443,
        "tls": True,
        "authority": samples.ENDPOINT,
        "addresses": ["203.0.113.7"],
    }


def test_a_finding_without_a_subject_is_about_the_endpoint_and_one_with_has_no_nulls() -> None:
    assert data_of(samples.broken())["findings"][0]["subject"] == {"endpoint": samples.ENDPOINT}
    assert data_of(samples.in_a_cluster())["findings"][0]["subject"] == {
        "kind": "Service",
        "namespace": "prod",
        "name": "greeter",
        "field": "spec.ports[0].name",
        "file": "greeter.yaml",
        "line": 12,
    }


def test_a_fix_has_a_command_or_a_patch_and_alternatives_are_names() -> None:
    fixes = data_of(samples.broken())["causes"][0]["fixes"]
    assert [sorted(fix) for fix in fixes] == [["patch", "summary"], ["patch", "summary"], ["command", "summary"]]
    assert data_of(samples.likely())["causes"][0]["alternatives"] == ["upstream-tls-mismatch"]


def test_a_blind_spot_says_which_command_decides() -> None:
    [spot] = data_of(samples.inconclusive())["blind_spots"]
    assert spot["why"].endswith("; this decides: grpcdoctor probe grpc.example.com:443 --call SERVICE/METHOD")


def test_our_own_bug_is_an_outcome() -> None:
    assert data_of(samples.bug())["observations"][-1]["outcome"] == "bug"


def test_several_reports_are_one_line_each_whatever_a_peer_wrote() -> None:
    many = Many([], Style())
    text = many.head() + many.line(samples.hostile()) + many.line(samples.healthy()) + many.tail()
    lines = text.splitlines()  # splits at U+2028 and U+0085 as some readers of NDJSON do
    assert len(lines) == 2
    for line in lines:
        VALIDATOR.validate(json.loads(line))


def test_what_a_peer_wrote_survives_as_data_and_not_as_control_characters() -> None:
    text = render(samples.hostile(), Style())
    assert "\x1b" not in text
    assert "\x9b" not in text
    text.encode("utf-8")
    assert json.loads(text)["causes"][0]["explanation"] == samples.HOSTILE


def test_a_measure_that_is_no_number_becomes_null() -> None:
    facts = data_of(samples.hostile())["observations"][0]["facts"]
    assert facts["chain"][0]["days_left"] is None


def test_the_example_in_the_documentation_is_valid() -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    VALIDATOR.validate(json.loads(page.split("```json\n")[1].split("```")[0]))


def test_the_documentation_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    for name in schema()["properties"]:
        assert f'"{name}"' in page, name
