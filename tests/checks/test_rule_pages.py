"""Every rule has its page, every page its rule, and the page's examples hold."""

from __future__ import annotations

import pytest

from grpcdoctor.diagnosis.registry import AnyCheck, Check, all_checks, checks
from grpcdoctor.model.finding import BlindSpot, Finding
from tests.checks.pages import SECTIONS, Example, blocks_of, examples_of, page_names, text_of

BY_NAME = {check.rule.name: check for check in checks()}
EXAMPLES = [example for name in page_names() if name in BY_NAME for example in examples_of(name)]


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    assert sorted(check.rule.name for check in all_checks()) == page_names()


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.rule.name)
def test_a_page_opens_with_the_rule_and_has_every_section(check: AnyCheck) -> None:
    rule, text = check.rule, text_of(check.rule.name)
    assert text.startswith(f"# {rule.code} {rule.name}\n\n")
    title, _, severity = text.split("\n")[2].partition(" Severity: ")
    assert title.rstrip(".").lower() == rule.title.lower()
    assert severity == f"{rule.severity.value}."
    positions = [text.find(f"\n## {section}\n") for section in SECTIONS]
    assert -1 not in positions, SECTIONS[positions.index(-1)]
    assert positions == sorted(positions)


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.rule.name)
def test_a_page_shows_one_example_that_fires_and_one_near_miss(check: AnyCheck) -> None:
    assert {fires for fires, _ in blocks_of(check.rule.name)} == {True, False}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.page}-{e.number}")
def test_an_example_does_what_its_page_says(example: Example) -> None:
    conclusions = list(BY_NAME[example.page].function(example.run))
    findings = [c for c in conclusions if isinstance(c, Finding)]
    assert bool(findings) == example.fires, findings
    assert all(finding.rule.name == example.page for finding in findings)
    if "severity" in example.expect:
        assert findings[0].effective_severity.value == example.expect["severity"]
    if "blind_spot" in example.expect:
        assert any(isinstance(c, BlindSpot) for c in conclusions) == example.expect["blind_spot"]
    if "alternatives" in example.expect:
        assert [a.name for a in findings[0].alternatives] == example.expect["alternatives"]


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.rule.name)
def test_a_check_is_quiet_where_nothing_was_observed(check: Check) -> None:
    from grpcdoctor.model.run import Run
    from grpcdoctor.model.target import parse_target

    assert list(check.function(Run(parse_target("grpc.example.com")))) == []


def test_rules_explain_only_rules_that_exist() -> None:
    unknown = {name for check in all_checks() for name in check.rule.explains} - {c.rule.name for c in all_checks()}
    assert unknown == set()
