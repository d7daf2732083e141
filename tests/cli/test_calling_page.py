"""docs/calling.md shows what really is printed. `python -m tests.cli.test_calling_page` writes it anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from grpcdoctor.cli.main import group
from tests.lab.grpc_server import grpc_server
from tests.lab.processes import ROOT, free_port

PAGE = ROOT / "docs" / "calling.md"
SECONDS = 60.0
# What the page explains in words of its own, or the page of probe.
ELSEWHERE = {"--verbose", "--no-color", "--no-reflection", "--plaintext", "--cert", "--key", "--insecure", "--no-proxy",
             "--data", "--header"}  # fmt: skip

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES = re.compile(r"\d+(\.\d+)?|\b(ms|s)\b|\d+u")


def examples(block: str) -> Iterator[tuple[str, str]]:
    """(command, what it prints) of one block."""
    for part in block.split("$ ")[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


def printed_by(command: str, port: int, closed: int, folder: str) -> str:
    """As a terminal shows it: both streams, in the page's ports."""
    shell = f'grpcdoctor() {{ "{sys.executable}" -m grpcdoctor "$@"; }}; {command}'
    shell = shell.replace("localhost:50051", f"127.0.0.1:{port}").replace("localhost:50052", f"127.0.0.1:{closed}")
    done = subprocess.run(
        ["/bin/sh", "-c", shell], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=SECONDS, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    shown = done.stdout.replace(f"127.0.0.1:{port}", "localhost:50051")
    return shown.replace(f"127.0.0.1:{closed}", "localhost:50052")


def page_as_run() -> str:
    """The page with what its commands print now."""
    with grpc_server() as server, tempfile.TemporaryDirectory() as folder:
        closed = free_port()

        def run(block: re.Match[str]) -> str:
            shown = [f"$ {command}\n{printed_by(command, server.port, closed, folder)}"
                     for command, _ in examples(block[1])]  # fmt: skip
            return f"```console\n{''.join(shown)}```"

        return _CONSOLE.sub(run, PAGE.read_text(encoding="utf-8"))


def test_what_the_page_shows_is_what_is_printed() -> None:
    """Apart from figures, which differ every time."""
    shown, run = (_VARIES.sub("N", page).splitlines() for page in (PAGE.read_text(encoding="utf-8"), page_as_run()))
    assert run == shown


@pytest.mark.parametrize("command", ["call", "list", "describe"])
def test_the_page_speaks_of_every_option(command: str) -> None:
    found = group.get_command(click.Context(group), command)
    assert found is not None
    options = {max(param.opts, key=len) for param in found.params if isinstance(param, click.Option)}
    page = PAGE.read_text(encoding="utf-8")
    assert {option for option in options - ELSEWHERE if not re.search(rf"{option}(?![\w-])", page)} == set()


if __name__ == "__main__":
    Path(PAGE).write_text(page_as_run(), encoding="utf-8")
