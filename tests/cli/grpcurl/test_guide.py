"""The guide's page for grpcurl's users is true: every flag is in it, what it names exists, what it shows is printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grpcdoctor.cli.grpcurl.flags import ALL
from grpcdoctor.cli.main import group

if TYPE_CHECKING:
    from tests.cli.environment import Environment

PAGE = (Path(__file__).parents[3] / "docs" / "coming-from-grpcurl.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    table = PAGE.partition("## Their flags, ours")[2].partition("## Exit codes")[0]
    return [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| ") and "---" not in line]


def test_every_flag_has_its_row() -> None:
    theirs = {word for row in rows() for word in re.findall(r"(?<![\w-])-([a-zA-Z][\w-]*)", row[0])}
    assert set(ALL) - theirs == {"show-secrets"}
    assert theirs - set(ALL) == set()


def test_what_stands_beside_it_exists() -> None:
    ours = {word for row in rows() for cell in row[1:] for word in re.findall(r"(?<![\w-])--[a-z][\w-]*", cell)}
    context = click.Context(group)
    known = {"--help", "--version"}
    for name in ("call", "list", "describe"):
        command = group.get_command(context, name)
        assert command is not None
        known.update(word for each in command.params for word in (*each.opts, *each.secondary_opts))
    assert ours - known == set()


def test_what_is_shown_is_what_is_printed(environment: Environment) -> None:
    shown = re.search(r"\$ grpcdoctor grpcurl ([^\n]*)\n((?:  [^\n]*\n)+?)  ```", PAGE)
    assert shown is not None
    result = environment.run("grpcurl", *shown[1].split())
    assert [line.strip() for line in shown[2].splitlines()] == result.errors
