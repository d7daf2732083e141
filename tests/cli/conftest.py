"""The environment of a command line under test."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.cli.environment import Environment

# What a developer's own environment would change.
_OF_A_CLUSTER: Final = (
    "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "NO_PROXY",
)  # fmt: skip


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Environment:
    for name in ("COLUMNS", "NO_COLOR", "TERM", "GRPCDOCTOR_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return Environment(monkeypatch)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig, whatever the developer's has."""
    for name in _OF_A_CLUSTER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path
