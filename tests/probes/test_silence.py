"""The silence probe: who closes, even where nothing is said?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.model.facts.reach import SilenceFacts
from tests.lab import fakes
from tests.probes.facts import facts_of, observation_of
from tests.table.diagnose import diagnose

if TYPE_CHECKING:
    from tests.lab.grpc_server import GrpcServer


def test_a_peer_that_closes_at_once_closes_in_silence_too() -> None:
    with fakes.closes_silently() as server:
        assert facts_of(diagnose(server.port), SilenceFacts).result == "closed"


def test_a_peer_that_resets_what_it_reads_waits_in_silence() -> None:
    with fakes.resets() as server:
        assert facts_of(diagnose(server.port), SilenceFacts).result == "open"


def test_a_healthy_server_is_not_asked(grpcio_h2c: GrpcServer) -> None:
    assert observation_of(diagnose(grpcio_h2c.port), "silence") is None
