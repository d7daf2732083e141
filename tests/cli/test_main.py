"""The group: help that costs little, versions, slips of the finger, and errors in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from grpcdoctor.cli.lazy import short_help
from grpcdoctor.cli.main import group
from grpcdoctor.version import __version__
from tests.cli.environment import Environment

COMMANDS = group.list_commands(click.Context(group))
COMMAND_FILES = Path(__file__).parents[2] / "grpcdoctor" / "cli" / "commands"


def test_every_file_is_a_command_and_nothing_else_lists_them() -> None:
    files = {path.stem.replace("_", "-") for path in COMMAND_FILES.glob("*.py") if not path.stem.startswith("_")}
    assert set(COMMANDS) == files
    assert {"probe", "rule"} <= files


def test_help_shows_every_command_with_its_first_docstring_line(env: Environment) -> None:
    result = env.run("--help")
    assert result.code == 0
    for name in COMMANDS:
        assert f"  {name}" in result.out
        assert " ".join(short_help(name).split()) in " ".join(result.out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_lists_every_option(env: Environment, name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    result = env.run(name, "--help")
    assert result.code == 0
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), parameter.name
            for flag in [*parameter.opts, *parameter.secondary_opts]:
                assert flag in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_docstring_that_fits_the_groups_help(name: str) -> None:
    assert 10 < len(short_help(name)) <= 66
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version_is_one_line(env: Environment, flag: str) -> None:
    result = env.run(flag)
    assert (result.code, result.out) == (0, f"grpcdoctor {__version__}\n")


def test_help_imports_nothing_that_only_commands_need() -> None:
    code = (
        "import sys\n"
        "from grpcdoctor.cli.main import run\n"
        "run(['--help'])\n"
        "heavy = {'asyncio', 'grpc', 'kubernetes', 'rich', 'cryptography', 'h2', 'ssl', 'socket', 'json', 'google',\n"
        "         'grpcdoctor.model', 'grpcdoctor.report', 'grpcdoctor.diagnosis', 'grpcdoctor.cli.commands.probe'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "[]"
    assert "probe" in done.stdout


def test_probe_in_text_or_json_imports_neither_grpc_nor_kubernetes() -> None:
    code = (
        "import sys\n"
        "from grpcdoctor.cli.main import run\n"
        "run(['probe', '--timeout', '2', '--no-second-opinion', '-o', 'json', '127.0.0.1:1'])\n"
        "print(sorted({'grpc', 'kubernetes', 'rich', 'grpcdoctor.report.text'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.splitlines()[-1] == "[]"


def test_without_a_command_the_help_is_shown_as_an_error(env: Environment) -> None:
    result = env.run()
    assert result.code == 2
    assert result.out == ""
    assert "Commands:" in result.err


@pytest.mark.parametrize("word", ["grpc.example.com", "localhost:50051", "grpc://h", "unix:/x", "localhost"])
def test_a_target_in_place_of_a_command_gets_the_whole_command_to_paste(env: Environment, word: str) -> None:
    result = env.run(word)
    assert result.code == 2
    assert result.errors[0].endswith(f"write: grpcdoctor probe {word}")


def test_a_misspelt_command_gets_the_closest(env: Environment) -> None:
    result = env.run("prob")
    assert result.code == 2
    assert "did you mean 'probe'?" in result.errors[0]


def test_an_unknown_option_is_one_line_and_a_hint(env: Environment) -> None:
    result = env.run("probe", "--plain", "h")
    assert result.code == 2
    assert len(result.errors) == 2
    assert "--plaintext" in result.errors[0]
    assert result.errors[1] == "Try 'grpcdoctor probe --help'."


def test_a_bug_of_ours_is_one_line_that_asks_for_a_report(env: Environment) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    env.patch.setattr("grpcdoctor.diagnosis.engine.diagnose", broken)
    result = env.run("probe", "h")
    assert result.code == 3
    assert len(result.errors) == 1
    assert "bug in grpcdoctor" in result.err
    assert "KeyError" in result.err
    assert "please report it" in result.err
    assert "Traceback" not in result.err


def test_the_traceback_of_a_bug_can_be_had(env: Environment) -> None:
    env.patch.setenv("GRPCDOCTOR_TRACEBACK", "1")
    env.patch.setattr("grpcdoctor.diagnosis.engine.diagnose", None)
    with pytest.raises(TypeError):
        env.run("probe", "h")
