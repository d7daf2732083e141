"""The dns probe: names, literals, failures apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpcdoctor
from grpcdoctor.model.facts.reach import DnsFacts
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.target import Target
from grpcdoctor.wire import resolve
from tests.probes.facts import facts_of, observation_of

if TYPE_CHECKING:
    import pytest

QUICKLY = ProbeOptions(timeout=3, quick=True)


def test_a_literal_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_lookup", lambda host: resolve.Resolved(failure="error"))
    facts = facts_of(grpcdoctor.probe("[::1]:1", QUICKLY), DnsFacts)
    assert (facts.literal, facts.addresses) == (True, ("::1",))


def test_a_name_that_does_not_exist_is_told_from_a_resolver_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    assert facts_of(grpcdoctor.probe("nosuch.invalid", QUICKLY), DnsFacts).failure in ("nxdomain", "try-again")
    for failure in ("nxdomain", "try-again"):
        answer = resolve.Resolved(failure=failure, error="as told")
        monkeypatch.setattr(resolve, "_lookup", lambda host, answer=answer: answer)
        facts = facts_of(grpcdoctor.probe("some.test", QUICKLY), DnsFacts)
        assert (facts.failure, facts.error) == (failure, "as told")


def test_every_address_of_both_families_is_kept_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ("::1", "127.0.0.2", "127.0.0.1")
    monkeypatch.setattr(resolve, "_lookup", lambda host: resolve.Resolved(addresses=addresses))
    assert facts_of(grpcdoctor.probe("some.test:1", QUICKLY), DnsFacts).addresses == addresses


def test_connect_to_is_what_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def lookup(host: str) -> resolve.Resolved:
        asked.append(host)
        return resolve.Resolved(addresses=("127.0.0.1",))

    monkeypatch.setattr(resolve, "_lookup", lookup)
    target = Target("a.test", "a.test", 443, True, connect_to=("b.test", 1))
    grpcdoctor.probe(target, QUICKLY)
    assert asked == ["b.test"]


def test_behind_a_proxy_the_proxy_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:1")
    observation = observation_of(grpcdoctor.probe("some.test:443", QUICKLY), "dns")
    assert observation is not None
    assert observation.outcome.value == "skipped"
    assert "http://127.0.0.1:1" in (observation.error or "")
