"""What docs/health.md shows is what is printed: its console blocks run against servers as it describes them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.build import alike
from tests.cli.environment import Environment
from tests.lab.grpc_server import Options, grpc_servers
from tests.lab.processes import free_port

PAGE = Path(__file__).parents[2] / "docs" / "health.md"
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT = "$ "


def shown() -> Iterator[tuple[str, str]]:
    """(command, what it prints)"""
    for block in _CONSOLE.findall(PAGE.read_text(encoding="utf-8")):
        for part in f"\n{block}".split(f"\n{_PROMPT}")[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


SHOWN = list(shown())


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, str]]:
    """The page's port -> a real one."""
    shop = Options(statuses={"shop.Cart": "SERVING", "shop.Orders": "NOT_SERVING"})
    with grpc_servers(shop, Options(status="NOT_SERVING"), Options(health=False)) as servers:
        real = [*(server.port for server in servers), free_port()]
        yield {str(50051 + index): str(port) for index, port in enumerate(real)}


def test_the_page_shows_something() -> None:
    assert len(SHOWN) > 8


@pytest.mark.parametrize(("command", "printed"), SHOWN, ids=[command for command, _ in SHOWN])
def test_what_the_page_shows_is_what_is_printed(
    env: Environment, ports: dict[str, str], command: str, printed: str
) -> None:
    words = shlex.split(_with(ports, command))
    result = env.run(*words[1:])
    waits = [line for line in result.errors if line.startswith("waiting")]
    causes = [line for line in result.errors if not line.startswith("waiting")]
    real = "\n".join([*waits, result.out.rstrip("\n"), *causes])
    theirs = _with({real: shown for shown, real in ports.items()}, real)
    assert alike("\n".join(sorted(printed.splitlines())), "\n".join(sorted(theirs.splitlines()))), theirs


def _with(ports: dict[str, str], text: str) -> str:
    return re.sub(r"\b\d{4,5}\b", lambda found: ports.get(found[0], found[0]), text)
