"""One real Envoy with a listener for every scenario of envoy_scenarios.

with running_envoy(backends) as envoy:
    envoy.port("route-timeout")
"""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab import envoy_config
from tests.lab.certificates import lab_certificates
from tests.lab.envoy_scenarios import LISTENERS, clusters
from tests.lab.gateway import Gateway
from tests.lab.processes import require_program, run, workdir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.backends import Backends

EXHAUSTED_BY_US = ("rate-limited", "rate-limited-grpc")


@dataclass(frozen=True)
class Envoy(Gateway):
    """A running Envoy."""

    admin_port: int = 0

    def logged(self, name: str) -> list[dict[str, Any]]:
        """The access-log lines of one listener, as far as Envoy has flushed them (it does so every second)."""
        lines = self.log.read_text().splitlines() if self.log is not None and self.log.exists() else []
        entries = [json.loads(line) for line in lines if line.endswith("}")]
        return [entry for entry in entries if entry["listener"] == name]


@contextlib.contextmanager
def running_envoy(backends: Backends, hides_counters: bool = False) -> Iterator[Envoy]:
    """Envoy, until the block ends; with Istio's few counters where asked."""
    program, certificates = require_program("envoy"), lab_certificates()
    with workdir("envoy") as folder:
        access_log = folder / "access.log"
        listeners = [
            envoy_config.listener(name, scenario, certificates, str(access_log)) for name, scenario in LISTENERS.items()
        ]
        config = folder / "envoy.json"
        leading_to = clusters(backends, certificates)
        config.write_text(json.dumps(envoy_config.bootstrap(listeners, leading_to, hides_counters)))
        admin = folder / "admin"
        command = [program, "-c", str(config), "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
        command += ["--admin-address-path", str(admin), "--file-flush-interval-msec", "100"]
        with run("envoy", command, lambda: _ready(admin)):
            port = int(admin.read_text().rpartition(":")[2])
            envoy = Envoy(_listeners(port), {name: each.tls for name, each in LISTENERS.items()}, access_log, port)
            for name in EXHAUSTED_BY_US:
                _spend_a_token(envoy.port(name))
            yield envoy


def _admin(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
        return answer.read()


def _ready(admin: Path) -> bool:
    if not admin.exists() or ":" not in admin.read_text():
        return False
    port = int(admin.read_text().rpartition(":")[2])
    with contextlib.suppress(OSError):
        return bool(_admin(port, "/ready").strip() == b"LIVE") and len(_listeners(port)) == len(LISTENERS)
    return False


def _listeners(port: int) -> dict[str, int]:
    statuses = json.loads(_admin(port, "/listeners?format=json")).get("listener_statuses", [])
    return {each["name"]: each["local_address"]["socket_address"]["port_value"] for each in statuses}


def _spend_a_token(port: int) -> None:
    """The one call that an exhausted rate limit has let through before the tests come."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        stream.recv(4096)
