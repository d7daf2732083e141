"""The examples on the pages of the rules about an Envoy hold: they fire or stay quiet; nothing malformed stops one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from grpcdoctor.diagnosis.registry import EnvoyCheck, envoy_checks
from grpcdoctor.envoy.answers import ENDPOINTS, Answers
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Finding, Source
from tests.checks.expectations import assert_as_expected
from tests.checks.pages import EnvoyExample, envoy_examples_of
from tests.envoy.shapes import proxy_of

BY_NAME = {check.rule.name: check for check in envoy_checks()}
EXAMPLES = [example for name in BY_NAME for example in envoy_examples_of(name)]
FIRING = [example for example in EXAMPLES if example.fires]

OF_ANOTHER_TYPE: tuple[Any, ...] = (None, 5, -1, True, "text", "", [], {}, [None], [[]], {"a": None}, 1e308)


def name_of(example: EnvoyExample) -> str:
    return f"{example.page}-{example.number}"


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_does_what_its_page_says(example: EnvoyExample) -> None:
    assert_as_expected(example, BY_NAME[example.page].function(example.proxy))


@pytest.mark.parametrize("example", FIRING, ids=name_of)
def test_a_finding_says_what_envoy_said_what_clients_see_and_what_to_do(example: EnvoyExample) -> None:
    for finding in BY_NAME[example.page].function(example.proxy):
        if isinstance(finding, Finding):
            assert finding.subject is not None
            assert finding.subject.kind
            assert finding.explanation
            assert finding.fixes
            assert any(item.source is Source.ENVOY for item in finding.evidence)


@pytest.mark.parametrize("example", FIRING, ids=name_of)
def test_a_check_fails_nowhere_for_an_endpoint_that_it_does_not_ask(example: EnvoyExample) -> None:
    for missing in set(ENDPOINTS) - set(BY_NAME[example.page].asks):
        list(BY_NAME[example.page].function(proxy_of({**example.data, "missing": [missing]})))


@pytest.mark.parametrize("check", envoy_checks(), ids=lambda check: check.rule.name)
def test_a_check_asks_for_endpoints_that_there_are(check: EnvoyCheck) -> None:
    assert check.asks
    assert set(check.asks) <= set(ENDPOINTS)


@pytest.mark.parametrize("check", envoy_checks(), ids=lambda check: check.rule.name)
def test_a_check_is_quiet_about_an_envoy_that_says_nothing(check: EnvoyCheck) -> None:
    assert list(check.function(Proxy(Answers(), read_at="2026-11-25T00:00:00Z"))) == []
    assert list(check.function(proxy_of({}))) == []


def variants(value: Any) -> Iterator[Any]:
    """The value with one of its parts of another type, for every part."""
    yield from OF_ANOTHER_TYPE
    if isinstance(value, dict):
        for key in value:
            for changed in variants(value[key]):
                yield {**value, key: changed}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for changed in variants(item):
                yield [*value[:index], changed, *value[index + 1 :]]


def malformed(answers: Answers) -> Iterator[Answers]:
    """One field of another type, everywhere in what was answered."""
    for name, section in answers.sections.items():
        for changed in variants(copy.deepcopy(section)):
            if isinstance(changed, dict):
                yield Answers({**answers.sections, name: changed}, **rest_of(answers))
    for field in ("clusters", "certs"):
        for changed in variants(list(getattr(answers, field) or ())):
            if isinstance(changed, list):
                kept = tuple(item for item in changed if isinstance(item, dict))
                yield Answers(answers.sections, **{**rest_of(answers), field: kept})


def rest_of(answers: Answers) -> dict[str, Any]:
    return {name: getattr(answers, name) for name in ("clusters", "listeners", "stats", "certs", "server_info")}


@pytest.mark.parametrize("example", FIRING, ids=name_of)
def test_no_malformed_field_stops_a_check(example: EnvoyExample) -> None:
    check = BY_NAME[example.page]
    for answers in malformed(example.proxy.answers):
        list(check.function(Proxy(answers, read_at="2026-11-25T00:00:00Z")))
