"""Judging is pure, never green by ignorance, and survives a check's own bug."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.diagnosis import judge as module
from grpcdoctor.diagnosis.judge import judge
from grpcdoctor.diagnosis.registry import Check
from grpcdoctor.model.facts.grpc import GrpcFacts, Reply
from grpcdoctor.model.facts.reach import DnsFacts
from grpcdoctor.model.observation import Observation, Observations, Outcome
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from grpcdoctor.model.finding import Conclusion


def _run(*observations: Observation) -> Run:
    return Run(parse_target("a.test"), observations=Observations(observations))


def test_nothing_seen_is_not_healthy() -> None:
    findings, blind_spots = judge(_run(Observation("http2", Outcome.SKIPPED, error="no connection")))
    assert findings == ()
    assert [spot.what for spot in blind_spots] == ["whether gRPC works here"]


def test_one_grpc_answer_is_proof() -> None:
    reply = Reply(
        http_status=200, headers=(("content-type", "application/grpc"),), grpc_status=12, grpc_message="unknown method"
    )
    assert judge(_run(Observation("grpc", Outcome.OK, GrpcFacts(reply))))[1] == ()


def test_a_status_that_anybody_on_the_way_gives_is_no_proof() -> None:
    reply = Reply(http_status=200, headers=(("content-type", "application/grpc"),), grpc_status=13, grpc_message="oops")
    findings, blind_spots = judge(_run(Observation("grpc", Outcome.FAIL, GrpcFacts(reply))))
    assert findings or blind_spots


def test_a_bug_in_a_probe_is_a_blind_spot() -> None:
    _, blind_spots = judge(_run(Observation("grpc", Outcome.BUG, error="a bug in grpcdoctor, please report it: x")))
    assert any("please report" in spot.why for spot in blind_spots)


def test_a_bug_in_a_check_is_a_blind_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: Run) -> Iterator[Conclusion]:
        raise KeyError("oops")

    check = Check(Rule("GD199", "broken-check", Severity.ERROR, "broken"), (DnsFacts,), broken, "nowhere")
    monkeypatch.setattr(module, "_applicable", lambda kinds: (check,))
    _, blind_spots = judge(_run(Observation("dns", Outcome.OK, DnsFacts())))
    assert any("broken-check" in spot.what and "please report" in spot.why for spot in blind_spots)
