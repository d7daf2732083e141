"""The servers that these command lines call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.environment import Environment
from tests.lab.kitchen_sink import kitchen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.kitchen_sink import Kitchen


@pytest.fixture(scope="module")
def running() -> Iterator[Kitchen]:
    with kitchen() as servers:
        yield servers


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(monkeypatch)
