"""Fixtures of the lab. Every server starts when the first test of the session asks for it, and never otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.lab.backends import Backends, running_backends
from tests.lab.certificates import Certificates, lab_certificates
from tests.lab.envoy import Envoy, running_envoy
from tests.lab.grpc_js import GrpcJsServer, grpc_js_server
from tests.lab.grpc_server import GrpcServer, grpc_server
from tests.lab.haproxy import running_haproxy
from tests.lab.nginx import running_nginx
from tests.lab.processes import require_program
from tests.search import SEARCHES_ANEW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.gateway import Gateway


# How long an input takes to be made or tried says how busy the machine is, and no more than that; and what failed for
# one must fail for everybody.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not SEARCHES_ANEW
)
settings.load_profile("patient")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips tests marked `needs(name)` where that program is missing."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            require_program(name)


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """A CA, and leaves that are good or bad in one way."""
    return lab_certificates()


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    """The servers behind the proxies."""
    with running_backends() as running:
        yield running


@pytest.fixture(scope="session")
def envoy(backends: Backends) -> Iterator[Envoy]:
    """Envoy: `envoy.port("route-timeout")`; the names are in tests/lab/envoy_scenarios.py."""
    with running_envoy(backends) as running:
        yield running


@pytest.fixture(scope="session")
def nginx(backends: Backends) -> Iterator[Gateway]:
    """nginx: `nginx.port("proxy-pass")`; the names are in tests/lab/nginx.py."""
    with running_nginx(backends) as running:
        yield running


@pytest.fixture(scope="session")
def haproxy(backends: Backends) -> Iterator[Gateway]:
    """haproxy: `haproxy.port("no-alpn")`; the names are in tests/lab/haproxy.py."""
    with running_haproxy(backends) as running:
        yield running


@pytest.fixture(scope="session")
def grpc_js() -> Iterator[GrpcJsServer]:
    """A healthy @grpc/grpc-js server behind TLS."""
    with grpc_js_server() as running:
        yield running


@pytest.fixture(scope="session")
def grpcio_tls() -> Iterator[GrpcServer]:
    """A healthy grpcio server behind TLS, with reflection, health and lab.Greeter."""
    with grpc_server(tls=True) as running:
        yield running


@pytest.fixture(scope="session")
def grpcio_h2c() -> Iterator[GrpcServer]:
    """The same in clear."""
    with grpc_server() as running:
        yield running
