"""Metadata from the command line: lines, files of lines, variables; and errors that keep secrets."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from grpcdoctor.cli.metadata import metadata_lines, read_metadata
from tests.cli.environment import Environment


def test_a_word_is_a_name_and_a_value() -> None:
    assert read_metadata(["X-Id: a:b ", "empty:"], "-H") == (("x-id", "a:b"), ("empty", ""))


def test_a_file_holds_such_lines_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("# who we are\nauthorization: Bearer abc\n\n  x-id: 1\n", encoding="utf-8")
    assert read_metadata([f"@{file}", "b: 2"], "-H") == (("authorization", "Bearer abc"), ("x-id", "1"), ("b", "2"))


def test_a_variable_is_put_in_anywhere_and_a_bare_dollar_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "abc")
    assert read_metadata(["authorization: Bearer ${TOKEN}", "x: $TOKEN"], "-H") == (
        ("authorization", "Bearer abc"), ("x", "$TOKEN"),
    )  # fmt: skip


def test_an_unset_variable_is_named_with_what_to_do(env: Environment) -> None:
    env.patch.delenv("NOT_THERE", raising=False)
    result = env.run("probe", "h", "-H", "authorization: ${NOT_THERE}")
    assert result.code == 2
    assert "--header: ${NOT_THERE} is not set in the environment; export NOT_THERE=" in result.err


@pytest.mark.parametrize("line", ["geheim", "bad name: geheim", "te: geheim", "x: gehéim", ": geheim"])
def test_an_error_names_the_line_of_the_file_and_never_the_value(tmp_path: Path, line: str) -> None:
    file = tmp_path / "headers"
    file.write_text(f"a: 1\n{line}\n", encoding="utf-8")
    with pytest.raises(click.UsageError) as wrong:
        read_metadata([f"@{file}"], "--header")
    assert wrong.value.message.startswith(f"--header: {file}:2: ")
    assert "heim" not in wrong.value.message


def test_a_missing_file_is_one_line(env: Environment) -> None:
    result = env.run("probe", "h", "-H", "@/nope")
    assert result.code == 2
    assert result.errors[0] == "grpcdoctor probe: --header: cannot read /nope: No such file or directory"


def test_lines_keep_their_variables() -> None:
    assert metadata_lines(["authorization: ${TOKEN}"], "-H") == ("authorization: ${TOKEN}",)


@pytest.mark.parametrize("form", ["_-8=", "_-8", "/+8=", "/+8"])
def test_binary_metadata_takes_every_form_of_base64(form: str) -> None:
    assert read_metadata([f"x-bin: {form}"], "-H") == (("x-bin", "/+8"),)


def test_binary_metadata_that_is_no_base64_travels_as_it_is() -> None:
    assert read_metadata(["x-bin: a b"], "-H") == (("x-bin", "YSBi"),)
