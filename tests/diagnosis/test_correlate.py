"""One root, its consequences folded under it; ranks and verdicts."""

from __future__ import annotations

from grpcdoctor.diagnosis.correlate import causes_of, verdict_of
from grpcdoctor.model.facts.grpc import SecondOpinionFacts
from grpcdoctor.model.finding import Alternative, BlindSpot, Evidence, Finding, Verdict
from grpcdoctor.model.observation import Observation, Observations, Outcome
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target

RUN = Run(parse_target("a.test"))


def finding(
    code: str, name: str, severity: Severity = Severity.ERROR, confidence: float = 1.0, *explains: str
) -> Finding:
    rule = Rule(code, name, severity, name, explains)
    return Finding(rule, f"{name} happened", (Evidence(f"{name} seen"),), confidence=confidence)


def test_a_root_folds_its_consequences_and_says_so() -> None:
    root = finding("GD201", "root", Severity.ERROR, 1.0, "leaf")
    causes = causes_of([finding("GD301", "leaf"), root], RUN)
    assert [cause.name for cause in causes] == ["root"]
    assert [f.rule.name for f in causes[0].consequences] == ["leaf"]
    assert any("leaf happened" in evidence.detail for evidence in causes[0].evidence)


def test_errors_come_first_then_the_lower_layer_then_confidence() -> None:
    findings = [
        finding("GD101", "low-warning", Severity.WARNING),
        finding("GD401", "high-sure"),
        finding("GD402", "high-unsure", Severity.ERROR, 0.5),
        finding("GD301", "low"),
        finding("GD404", "information", Severity.INFO),
    ]
    names = [cause.name for cause in causes_of(findings, RUN)]
    assert names == ["low", "high-sure", "high-unsure", "low-warning"]


def test_what_two_roots_explain_is_folded_once() -> None:
    first = finding("GD201", "first", Severity.ERROR, 1.0, "leaf")
    second = finding("GD202", "second", Severity.ERROR, 1.0, "leaf")
    causes = causes_of([first, second, finding("GD301", "leaf")], RUN)
    assert [len(cause.consequences) for cause in causes] == [1, 0]


def test_verdicts() -> None:
    error, warning = causes_of([finding("GD201", "e")], RUN), causes_of([finding("GD201", "w", Severity.WARNING)], RUN)
    blocking, harmless = BlindSpot("a", "b"), BlindSpot("a", "b", blocks_verdict=False)
    assert verdict_of(error, [blocking]) is Verdict.BROKEN
    assert verdict_of(warning, [blocking]) is Verdict.INCONCLUSIVE
    assert verdict_of(warning, [harmless]) is Verdict.DEGRADED
    assert verdict_of((), [harmless]) is Verdict.HEALTHY
    assert verdict_of((), [blocking]) is Verdict.INCONCLUSIVE


def test_the_second_opinion_is_evidence() -> None:
    opinion = SecondOpinionFacts("grpcio 1.85.1", "/a/b", "UNAVAILABLE", "Socket closed")
    run = Run(RUN.target, RUN.options, Observations((Observation("second-opinion", Outcome.FAIL, opinion),)))
    cause = causes_of([finding("GD201", "e")], run)[0]
    assert cause.evidence[-1].detail == 'grpcio 1.85.1 says "UNAVAILABLE: Socket closed"'


def test_what_would_decide_between_candidates_is_a_fix_with_its_command() -> None:
    rule = Rule("GD423", "unsure", Severity.ERROR, "unsure")
    root = Finding(
        rule, "m", (Evidence("e"),), confidence=0.6, alternatives=(Alternative("other", "same text", "run this"),)
    )
    cause = causes_of([root], RUN)[0]
    assert cause.alternatives == ("other",)
    assert cause.fixes[-1].command == "run this"
