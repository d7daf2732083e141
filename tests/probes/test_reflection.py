"""The reflection probe: v1 first, then v1alpha."""

from __future__ import annotations

import pytest

from grpcdoctor.model.facts.grpc import ReflectionFacts
from tests.lab.grpc_server import grpc_server
from tests.probes.facts import facts_of
from tests.table.diagnose import diagnose


@pytest.mark.parametrize(
    ("offered", "version", "asked_v1alpha"), [("v1", "v1", False), ("v1alpha", "v1alpha", True), ("both", "v1", False)]
)
def test_the_services_are_listed(offered: str, version: str, asked_v1alpha: bool) -> None:
    with grpc_server(reflection=offered) as server:
        facts = facts_of(diagnose(server.port), ReflectionFacts)
    assert facts.version == version
    assert {"lab.Greeter", "grpc.health.v1.Health"} <= set(facts.services)
    assert (facts.v1alpha is not None) == asked_v1alpha


def test_a_server_without_reflection_lists_nothing() -> None:
    with grpc_server(reflection="no") as server:
        facts = facts_of(diagnose(server.port), ReflectionFacts)
    assert (facts.version, facts.services) == (None, ())
    assert facts.v1 is not None
    assert facts.v1.grpc_status == 12
