"""SARIF, JUnit and GitHub's annotations: what CI systems take in."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.model.finding import Fix
from grpcdoctor.model.report import Report
from grpcdoctor.report import github, junit, sarif
from grpcdoctor.report.style import Style
from tests.report import samples

# The official schema, from the npm package that brings it: tests/lab/install_sarif_schema.sh.
SARIF_SCHEMA = Path(__file__).parents[2] / ".tools" / "sarif" / "sarif-schema-2.1.0.json"


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(sarif.render(report, Style()))
    [run] = log["runs"]
    found: dict[str, Any] = run
    return found


@pytest.mark.parametrize("sample", samples.ALL)
@pytest.mark.parametrize("unicode", [False, True])
def test_every_report_is_valid_sarif(sample: Callable[[], Report], unicode: bool) -> None:
    if not SARIF_SCHEMA.exists():
        pytest.skip("sarif-schema is not installed (tests/lab/install_sarif_schema.sh)")
    import jsonschema

    schema = json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.validate(json.loads(sarif.render(sample(), Style(unicode=unicode))))


def test_a_result_names_its_rule_file_and_line() -> None:
    run = run_of(samples.inspected())
    result = run["results"][0]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "GD501"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "deploy/my%20app.yaml"
    assert place["region"]["startLine"] == 12
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]


def test_a_live_object_has_a_logical_place_and_no_file() -> None:
    location = run_of(samples.inspected())["results"][1]["locations"][0]
    assert "physicalLocation" not in location
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "Secret istio-system/tls"


def test_a_fix_rewrites_the_value_on_its_line() -> None:
    [fix] = run_of(samples.inspected())["results"][0]["fixes"]
    [replacement] = fix["artifactChanges"][0]["replacements"]
    region = replacement["deletedRegion"]
    line = "  - name: http-main"
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "http-main"
    assert replacement["insertedContent"]["text"] == "grpc"


def test_a_new_field_is_inserted_below_with_the_indentation_of_its_neighbours() -> None:
    changed = fixed_with("add", "/spec/ports/0/appProtocol", "kubernetes.io/h2c")
    [fix] = run_of(changed)["results"][0]["fixes"]
    [replacement] = fix["artifactChanges"][0]["replacements"]
    assert replacement["insertedContent"]["text"] == "\n    appProtocol: kubernetes.io/h2c"
    assert replacement["deletedRegion"]["startColumn"] == len("  - name: http-main") + 1


def test_a_change_elsewhere_in_the_object_is_no_rewrite_of_that_line() -> None:
    assert "fixes" not in run_of(fixed_with("add", "/metadata/annotations", "x"))["results"][0]


def fixed_with(op: str, path: str, value: str) -> Report:
    report = samples.inspected()
    finding = report.findings[0]
    change = finding.fixes[0].changes[0]
    operation = replace(change.operations[0], op=op, path=path, value=value)
    fix = Fix("x", patch="y", changes=(replace(change, operations=(operation,)),))
    return replace(report, findings=(replace(finding, fixes=(fix,)), *report.findings[1:]))


def test_what_was_not_looked_at_is_a_notification() -> None:
    [note] = run_of(samples.inspected())["invocations"][0]["toolExecutionNotifications"]
    assert note["level"] == "warning"
    assert "may not list pods" in note["message"]["text"]


@pytest.mark.parametrize("sample", samples.ALL)
@pytest.mark.parametrize("unicode", [False, True])
def test_junit_is_well_formed_and_counts_what_it_holds(sample: Callable[[], Report], unicode: bool) -> None:
    root = ElementTree.fromstring(junit.render(sample(), Style(unicode=unicode)))
    suite = root[0]
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(counted, "-1")) == len(list(suite.iter(tag)))
    assert int(suite.get("tests", "-1")) == len(list(suite.iter("testcase")))


def test_in_junit_remarks_pass_and_the_rest_fails() -> None:
    suite = ElementTree.fromstring(junit.render(samples.inspected(), Style()))[0]
    failed = {case.get("classname") for case in suite.iter("testcase") if case.find("failure") is not None}
    assert failed == {"grpcdoctor.service-port-not-http2", "grpcdoctor.certificate-expiring"}
    [at_line] = [case for case in suite.iter("testcase") if case.get("file")]
    assert (at_line.get("file"), at_line.get("line")) == ("deploy/my app.yaml", "12")


def test_an_annotation_has_file_line_and_escaped_text() -> None:
    lines = github.render(samples.inspected(), Style()).splitlines()
    where = "file=deploy/my app.yaml,line=12"
    assert lines[0].startswith(f"::error {where},title=GD501 service-port-not-http2::Service prod/")
    assert "%0AFix: Name the port grpc" in lines[0]
    assert "50%25 gone" in lines[1]
    assert lines[1].startswith("::warning title=")
    assert lines[2].startswith("::notice ")


@pytest.mark.parametrize("sample", samples.ALL)
def test_every_line_for_github_is_one_command_or_the_verdict(sample: Callable[[], Report]) -> None:
    *commands, last = github.render(sample(), Style()).splitlines()
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in commands)
    assert last.endswith(sample().verdict.value)
