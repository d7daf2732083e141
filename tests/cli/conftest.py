"""The environment of a command line under test."""

from __future__ import annotations

import pytest

from tests.cli.environment import Environment


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Environment:
    for name in ("COLUMNS", "NO_COLOR", "TERM", "GRPCDOCTOR_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return Environment(monkeypatch)
