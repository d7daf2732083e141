"""`grpcdoctor rule`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grpcdoctor.diagnosis.registry import rules
from tests.cli.environment import Environment, Terminal

PAGES = Path(__file__).parents[2] / "docs" / "rules"


@pytest.mark.parametrize("word", ["alpn-missing", "GD204", "gd204", "ALPN-missing"])
def test_a_piped_page_is_the_page_itself(env: Environment, word: str) -> None:
    result = env.run("rule", word)
    assert result.code == 0
    assert result.out == (PAGES / "alpn-missing.md").read_text(encoding="utf-8")


def test_a_page_at_a_terminal_is_laid_out_without_the_examples_that_are_tests(env: Environment) -> None:
    env.out = Terminal
    text = env.run("rule", "alpn-missing").out
    assert "## " not in text
    assert "What it means" in text
    assert "```" not in text
    assert "The check runs on these in the tests" not in text
    assert "\x1b[" in text
    assert "\x1b[" not in env.run("rule", "alpn-missing", "--no-color").out


@pytest.mark.parametrize("name", sorted(rules()))
def test_every_rule_has_its_page(env: Environment, name: str) -> None:
    assert env.run("rule", name).out.startswith(f"# {rules()[name].code} {name}\n")


def test_the_list_has_every_rule_under_its_layer_and_fits(env: Environment) -> None:
    result = env.run("rule", "--list")
    lines = result.out.split("\n")
    assert max(len(line) for line in lines) <= 80
    for rule in rules().values():
        assert any(line.startswith(f"  {rule.code}  {rule.name} ") for line in lines), rule.name
    assert result.out.index("reach\n") < result.out.index("TLS\n") < result.out.index("gRPC\n")


def test_the_list_as_json_has_every_rule_by_code(env: Environment) -> None:
    listed = json.loads(env.run("rule", "--list", "-o", "json").out)
    assert [entry["code"] for entry in listed] == sorted(rule.code for rule in rules().values())
    assert set(listed[0]) == {"code", "name", "severity", "title", "layer", "explains"}


def test_one_rule_as_json_carries_its_page(env: Environment) -> None:
    data = json.loads(env.run("rule", "alpn-missing", "-o", "json").out)
    assert data["code"] == "GD204"
    assert data["page"].startswith("# GD204")


@pytest.mark.parametrize(
    ("word", "wanted"), [("alpn-mising", "alpn-missing"), ("GD2040", "GD204"), ("xyzzy", "rule --list")]
)
def test_an_unknown_rule_gets_the_closest_names(env: Environment, word: str, wanted: str) -> None:
    result = env.run("rule", word)
    assert result.code == 2
    assert len(result.errors) == 2
    assert wanted in result.errors[0]


@pytest.mark.parametrize("words", [(), ("alpn-missing", "--list")])
def test_one_rule_or_the_list_is_wanted(env: Environment, words: tuple[str, ...]) -> None:
    result = env.run("rule", *words)
    assert result.code == 2
    assert "name one rule" in result.errors[0]
