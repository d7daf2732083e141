"""Completion of services and methods, as a function and in real shells."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.cli.completion import Fish
from grpcdoctor.cli.main import COMPLETION_VARIABLE, group
from grpcdoctor.cli.session import Session
from tests.cli.client_servers import running_kitchen
from tests.cli.environment import Environment
from tests.lab import fakes
from tests.lab.certificates import lab_certificates
from tests.lab.kitchen_sink import Kitchen
from tests.lab.kitchen_sink.variants import TOKEN
from tests.lab.processes import ROOT, free_port, require_program
from tests.patience import AT_ONCE

__all__ = ["running_kitchen"]

SECONDS = 20.0


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """What is offered for a line up to the cursor."""

    def run(line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", f"grpcdoctor {line}")
        asked = Fish(group, {}, "grpcdoctor", COMPLETION_VARIABLE)
        found = [item.value for item in asked.get_completions(*asked.get_completion_args())]
        assert capfd.readouterr() == ("", "")
        return found

    return run


def test_services_are_completed_by_reflection(complete: Any, running_kitchen: Kitchen) -> None:
    plain = f"{running_kitchen.addresses['plain']} --plaintext"
    assert "kitchen.v1.Script" in complete(f"list {plain} ")
    assert complete(f"list {plain} kitchen.v1.S") == ["kitchen.v1.Script", "kitchen.v1.Silent"]
    assert complete(f"list {plain} nope") == []


def test_methods_are_completed_behind_their_service(complete: Any, running_kitchen: Kitchen) -> None:
    plain = f"{running_kitchen.addresses['plain']} --plaintext"
    assert complete(f"call {plain} kitchen.v1.S") == ["kitchen.v1.Script/", "kitchen.v1.Silent/"]
    assert complete(f"call {plain} kitchen.v1.Script/Meta") == [
        "kitchen.v1.Script/Metadata", "kitchen.v1.Script/MetadataStream",
    ]  # fmt: skip
    assert "pantry.v2.Pantry/Watch" in complete(f"call {plain} pantry")
    assert complete(f"call {plain} nope/") == []


def test_describe_completes_messages_and_enums_too(complete: Any, running_kitchen: Kitchen) -> None:
    plain = f"{running_kitchen.addresses['plain']} --plaintext"
    assert complete(f"describe {plain} kitchen.v1.Col") == ["kitchen.v1.Colour"]
    assert complete(f"describe {plain} .kitchen.v1.Everything.Nested.D") == [
        ".kitchen.v1.Everything.Nested.Deeper", ".kitchen.v1.Everything.Nested.Deeper.Direction",
    ]  # fmt: skip
    assert "kitchen.v1.Script/Gone" in complete(f"describe {plain} kitchen.v1.Script/")


def test_the_options_on_the_line_are_honoured(complete: Any, running_kitchen: Kitchen) -> None:
    tls = running_kitchen.addresses["tls"].replace("127.0.0.1", "localhost")
    guarded = running_kitchen.addresses["guarded_reflection"]
    assert complete(f"list {tls} --cacert {lab_certificates().ca} pantry") == ["pantry.v2.Pantry"]
    assert complete(f"list {tls} pantry") == []
    assert complete(f"list {guarded} --plaintext -H 'authorization: {TOKEN}' pantry") == ["pantry.v2.Pantry"]
    assert complete(f"list {guarded} --plaintext pantry") == []


def test_files_complete_the_first_word(complete: Any, running_kitchen: Kitchen) -> None:
    assert complete(f"list --protoset {running_kitchen.protoset} pantry") == ["pantry.v2.Pantry"]
    assert complete("list pantry") == []


def test_nothing_is_said_where_nothing_can_be_had(complete: Any) -> None:
    assert complete(f"list 127.0.0.1:{free_port()} --plaintext ") == []
    assert complete("list ::bad::target ") == []
    assert complete("list h --protoset /nope ") == []
    assert complete("list h -H bad ") == []


def test_a_server_that_does_not_answer_is_waited_for_two_seconds(complete: Any) -> None:
    with fakes.silent() as server:
        started = time.monotonic()
        assert complete(f"call 127.0.0.1:{server.port} --plaintext ") == []
        assert time.monotonic() - started < AT_ONCE


def test_a_name_that_a_shell_would_obey_is_not_offered(complete: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hostile:
        async def list_services(self) -> list[str]:
            return ["a.B", "x;reboot", "$(reboot)", "a b", "a\nb", "c.D\n", "\x1b[2J", "`x`", "é"]

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[Session]:
        source: Any = Hostile()
        yield Session(None, source)

    monkeypatch.setattr("grpcdoctor.cli.session.open_session", opened)
    assert complete("list h ") == ["a.B"]
    assert complete("call h ") == ["a.B/"]


def test_commands_and_options_are_still_completed(complete: Any) -> None:
    assert complete("des") == ["describe"]
    assert "--protoset-out" in complete("describe --proto")
    assert complete("call h a.B/C -o j") == ["json"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_says_how_it_is_installed(env: Environment, shell: str) -> None:
    result = env.run("completion", shell)
    assert result.code == 0
    assert f"grpcdoctor completion {shell}" in result.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_for_its_shell(env: Environment, tmp_path: Path, shell: str) -> None:
    program = require_program(shell)
    script = tmp_path / "script"
    script.write_text(env.run("completion", shell).out, encoding="utf-8")
    checked = subprocess.run([program, "-n", str(script)], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_an_unknown_shell_is_usage(env: Environment) -> None:
    result = env.run("completion", "tcsh")
    assert result.code == 2
    assert "'bash', 'zsh', 'fish'" in result.errors[0]


# --- real shells, at a terminal ------------------------------------------------------------------------------------


class Shell:
    def __init__(self, arguments: list[str], home: Path) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            kept = {name: value for name, value in os.environ.items() if name.startswith(("LANG", "LC_"))}
            path = f"{home}:{os.environ['PATH']}"
            variables = {**kept, "HOME": str(home), "PATH": path, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
            os.execvpe(arguments[0], arguments, variables)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait_for(self, pattern: str) -> re.Match[str]:
        until = time.monotonic() + SECONDS
        while (found := re.search(pattern, self.shown())) is None:
            assert time.monotonic() < until, self.shown()
            if select.select([self.fd], [], [], 0.1)[0]:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
        return found

    def shown(self) -> str:
        return re.sub(r"\x1b(\[[\d;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>]|[()][AB012])|\x07", "", self.seen)

    def close(self) -> None:
        os.close(self.fd)
        for signal_number in (1, 9):
            try:
                os.kill(self.pid, signal_number)
            except ProcessLookupError:
                break
        os.waitpid(self.pid, 0)


STARTS = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
LOADS = {
    "bash": 'PS1="ready> "; eval "$(grpcdoctor completion bash)"',
    "zsh": 'PS1="ready> "; autoload -Uz compinit; compinit -D; eval "$(grpcdoctor completion zsh)"',
    "fish": 'function fish_prompt; echo "ready> "; end; grpcdoctor completion fish | source',
}


@pytest.fixture
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """With a grpcdoctor in its path, and the completion loaded."""
    program = require_program(request.param)
    starter = tmp_path / "grpcdoctor"
    starter.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m grpcdoctor "$@"\n', encoding="utf-8")
    starter.chmod(0o755)
    running = Shell([program, *STARTS[request.param]], tmp_path)
    try:
        running.type(LOADS[request.param] + "; echo lo''aded\r")
        running.wait_for(r"loaded[\s\S]*ready> ")
        yield running
    finally:
        running.close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"], indirect=True)
def test_a_real_shell_completes_a_method_with_a_target_that_has_a_port(shell: Shell, running_kitchen: Kitchen) -> None:
    shell.type(f"grpcdoctor call --plaintext {running_kitchen.addresses['plain']} kitchen.v1.Scr\t")
    shell.wait_for(r"kitchen\.v1\.Script/")
    time.sleep(0.5)
    shell.type("Un\t")
    shell.wait_for(r"Unary")
    time.sleep(0.5)
    shell.type("-d '{\"notes\": [{\"text\": \"completed\"}]}'\r")
    shell.wait_for(r'"text": "completed"\s*\}')
