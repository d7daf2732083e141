"""Whatever cluster the developer's own environment names is not the one that is tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from grpcdoctor.cluster.live.connection import Connection, connect
from grpcdoctor.cluster.live.reader import read_cluster
from grpcdoctor.cluster.snapshot import Cluster
from tests.lab.kube_api import KubeApi, running_kube_api

HOSTILE_ENVIRONMENT = (
    "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
    "http_proxy", "https_proxy", "all_proxy",
)  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home without a kubeconfig."""
    for name in HOSTILE_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("grpcdoctor.cluster.live.kubeconfig.ACCOUNT", tmp_path / "account")
    monkeypatch.setattr("grpcdoctor.cluster.live.login.ACCOUNT", tmp_path / "account")
    monkeypatch.setattr("grpcdoctor.cluster.live.connection.ACCOUNT", tmp_path / "account")
    return tmp_path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other quickly."""
    monkeypatch.setattr("grpcdoctor.cluster.live.answers.FIRST_PAUSE", 0.01)


@pytest.fixture
def api() -> Iterator[KubeApi]:
    """An API server in clear, with nothing in it."""
    with running_kube_api() as running:
        yield running


class Read(Protocol):
    """Reads what an API server has."""

    def __call__(self, api: KubeApi, namespace: str = "", **options: Any) -> Cluster: ...


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[Any]:
    """Connects to an API server of the lab's, and closes the connection in the end."""
    opened: list[Connection] = []

    def open_it(api: KubeApi, namespace: str = "") -> Connection:
        opened.append(connect(kubeconfig=str(api.kubeconfig(tmp_path, namespace=namespace))))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


@pytest.fixture
def read(connected: Any) -> Read:
    """Connects and reads."""

    def read_it(api: KubeApi, namespace: str = "", **options: Any) -> Cluster:
        return read_cluster(connected(api, namespace), **options)

    return read_it
