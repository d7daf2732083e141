"""The alpn probe: what is selected when http/1.1 is offered too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from grpcdoctor.model.facts.tls import AlpnFacts
from tests.lab import tls_servers
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.backends import Backends
    from tests.lab.grpc_server import GrpcServer


@pytest.mark.parametrize(("alpn", "selected"), [((), None), (("http/1.1",), "http/1.1")])
def test_what_a_server_without_h2_selects(backends: Backends, alpn: tuple[str, ...], selected: str | None) -> None:
    with tls_servers.terminator(backends.h2c, alpn=alpn) as server:
        facts = facts_of(diagnose(server.port, tls=True), AlpnFacts)
    assert facts.with_http1 is not None
    assert (facts.with_http1.offered, facts.with_http1.selected) == (("h2", "http/1.1"), selected)


def test_it_is_not_asked_where_h2_was_selected(grpcio_tls: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_tls.port, tls=True), "alpn") is None
