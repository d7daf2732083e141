"""The other-port probe: what port 80 speaks where a bare host's 443 does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpcdoctor
from grpcdoctor.model.facts.reach import OtherPortFacts
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.target import Target
from grpcdoctor.probes import other_port
from tests.lab import fakes
from tests.lab.processes import closed_port
from tests.probes.facts import facts_of, observation_of

if TYPE_CHECKING:
    import pytest

OPTIONS = ProbeOptions(timeout=4, second_opinion=False)


def _bare(port: int) -> Target:
    """What `127.0.0.1` would be if 443 were this port."""
    return Target("127.0.0.1", "127.0.0.1", port, tls=True, port_given=False)


def test_port_80_is_sniffed(monkeypatch: pytest.MonkeyPatch) -> None:
    for fake, spoken in ((fakes.http1(), "http/1.1"), (fakes.healthy(), "h2")):
        with fake as server, closed_port() as port:
            monkeypatch.setattr(other_port, "DEFAULT_PLAINTEXT_PORT", server.port)
            facts = facts_of(grpcdoctor.probe(_bare(port), OPTIONS), OtherPortFacts)
        assert (facts.result, facts.spoken) == ("connected", spoken)


def test_it_is_left_alone_where_the_user_named_a_port() -> None:
    with closed_port() as port:
        report = grpcdoctor.probe(f"127.0.0.1:{port}", OPTIONS)
    assert observation_of(report, "other-port") is None
