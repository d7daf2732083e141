"""Findings about a cluster to causes: folded only over a shared object, ranked, and in linear time."""

from __future__ import annotations

import time
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcdoctor.diagnosis import cluster_causes as module
from grpcdoctor.diagnosis.cluster_causes import cluster_causes, objects_of, title_of
from grpcdoctor.model.finding import Evidence, Finding, Fix, Subject
from grpcdoctor.model.report import Cause
from grpcdoctor.model.rule import Rule, Severity

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741


def rule(code: str, name: str, *explains: str, severity: Severity = E) -> Rule:
    return Rule(code, name, severity, name, explains)


ROOT, LEAF, TIP = rule("GD501", "root", "leaf"), rule("GD601", "leaf", "tip"), rule("GD701", "tip")
PING, PONG = rule("GD502", "ping", "pong"), rule("GD503", "pong", "ping")
RING = tuple(rule(f"GD51{i}", f"ring-{i}", f"ring-{(i + 1) % 3}") for i in range(3))
SELF = rule("GD520", "self", "self")
ALL = (ROOT, LEAF, TIP, PING, PONG, *RING, SELF)


@pytest.fixture(autouse=True)
def our_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "rules", lambda: {one.name: one for one in ALL})


def finding(
    of: Rule, name: str = "greeter", *related: str, severity: Severity | None = None, confidence: float = 1.0
) -> Finding:
    subject = Subject(kind="Service", namespace="prod", name=name)
    return Finding(of, f"{of.name} on {name}", (Evidence(f"{of.name} seen"),), fixes=(Fix(f"cure {of.name}"),),
                   severity=severity, confidence=confidence, subject=subject, related=related)  # fmt: skip


def shape(causes: tuple[Cause, ...]) -> list[tuple[str, list[str]]]:
    return [(cause.name, sorted(f.rule.name for f in cause.consequences)) for cause in causes]


def test_a_consequence_of_the_same_object_is_folded() -> None:
    [cause] = cluster_causes([finding(LEAF), finding(ROOT)])
    assert (cause.name, [f.rule.name for f in cause.consequences]) == ("root", ["leaf"])
    assert [item.detail for item in cause.evidence] == ["root seen", "so also: leaf on greeter"]
    assert [fix.summary for fix in cause.fixes] == ["cure root"]


def test_one_of_another_object_is_a_cause_of_its_own() -> None:
    assert shape(cluster_causes([finding(ROOT), finding(LEAF, "cart")])) == [("root", []), ("leaf", [])]


def test_an_object_that_is_only_related_is_shared_too() -> None:
    shared = "Gateway infra/public"
    assert shape(cluster_causes([finding(ROOT, "a", shared), finding(LEAF, "b", shared)])) == [("root", ["leaf"])]
    assert shape(cluster_causes([finding(ROOT, "a", "Service prod/b"), finding(LEAF, "b")])) == [("root", ["leaf"])]


def test_findings_about_nothing_share_nothing() -> None:
    def alone(of: Rule) -> Finding:
        return Finding(of, "m", (Evidence("e"),))

    assert shape(cluster_causes([alone(ROOT), alone(LEAF)])) == [("root", []), ("leaf", [])]


def test_a_chain_is_folded_under_its_first() -> None:
    found = [finding(TIP, "c", "Service prod/b"), finding(LEAF, "b", "Service prod/a"), finding(ROOT, "a")]
    assert shape(cluster_causes(found)) == [("root", ["leaf", "tip"])]


def test_rules_that_explain_nothing_of_each_other_stay_apart() -> None:
    assert shape(cluster_causes([finding(ROOT), finding(TIP)])) == [("root", []), ("tip", [])]


def test_a_milder_finding_explains_no_worse_one() -> None:
    mild = finding(ROOT, severity=W)
    assert shape(cluster_causes([mild, finding(LEAF)])) == [("leaf", []), ("root", [])]
    assert shape(cluster_causes([mild, finding(LEAF, severity=W)])) == [("root", ["leaf"])]


def test_remarks_are_no_causes_and_explain_nothing() -> None:
    assert cluster_causes([finding(ROOT, severity=I)]) == ()
    assert shape(cluster_causes([finding(ROOT, severity=I), finding(LEAF)])) == [("leaf", [])]


def test_causes_come_by_severity_layer_confidence_code_and_name() -> None:
    found = [
        finding(TIP),
        finding(ROOT, severity=W),
        finding(PING, "b", confidence=0.9),
        finding(ROOT, "b"),
        finding(ROOT, "c", confidence=0.5),
        finding(ROOT, "a"),
        finding(LEAF, "z"),
    ]
    ranked = [(c.name, c.root.subject.name if c.root.subject else "", c.confidence) for c in cluster_causes(found)]
    assert ranked == [
        ("root", "a", 1.0), ("root", "b", 1.0), ("ping", "b", 0.9), ("root", "c", 0.5), ("leaf", "z", 1.0),
        ("tip", "greeter", 1.0), ("root", "greeter", 1.0),
    ]  # fmt: skip


def test_what_two_causes_explain_is_folded_once() -> None:
    roots = finding(ROOT, "a", "Service prod/c"), finding(ROOT, "b", "Service prod/c")
    assert shape(cluster_causes([*roots, finding(LEAF, "c")])) == [("root", ["leaf"]), ("root", [])]


def test_two_rules_that_explain_each_other_are_one_cause() -> None:
    for order in permutations([finding(PING), finding(PONG)]):
        assert shape(cluster_causes(order)) == [("ping", ["pong"])]


def test_a_ring_of_rules_is_one_cause_and_so_is_what_hangs_on_it() -> None:
    for order in permutations([finding(one) for one in RING]):
        assert shape(cluster_causes(order)) == [("ring-0", ["ring-1", "ring-2"])]
    assert shape(cluster_causes([finding(RING[1]), finding(RING[2])])) == [("ring-1", ["ring-2"])]


def test_a_rule_that_explains_itself_folds_its_twins() -> None:
    assert shape(cluster_causes([finding(SELF), finding(SELF)])) in ([("self", ["self"])], [("self", []), ("self", [])])
    assert shape(cluster_causes([finding(SELF)])) == [("self", [])]


OBJECTS = st.sampled_from(["a", "b"])
RELATED = st.lists(OBJECTS.map("Service prod/{}".format), max_size=2)
SEVERITIES = st.sampled_from([E, W, I])
FINDINGS = st.lists(
    st.builds(
        lambda of, name, related, severity: finding(of, name, *related, severity=severity),
        st.sampled_from(ALL), OBJECTS, RELATED, SEVERITIES,
    ),
    max_size=10,
)  # fmt: skip


@given(FINDINGS)
def test_no_finding_gets_lost_and_none_is_told_twice(found: list[Finding]) -> None:
    causes = cluster_causes(found)
    told = [id(f) for cause in causes for f in (cause.root, *cause.consequences)]
    assert sorted(told) == sorted(id(f) for f in found if f.effective_severity is not I)


def test_titles_are_those_of_objects() -> None:
    assert title_of(Subject(kind="Namespace", name="prod")) == "Namespace prod"
    assert title_of(Subject(endpoint="a.test:443")) == title_of(None) == ""
    assert objects_of(finding(ROOT, "a", "Gateway b/c")) == ("Service prod/a", "Gateway b/c")


def seconds(count: int) -> float:
    """The best of three: others share this machine."""
    places = [(f"s{i % 50}", f"Gateway prod/g{i % 7}") for i in range(count // 3)]
    found = [finding(one, name, related) for name, related in places for one in (ROOT, LEAF, TIP)]
    took = []
    for _ in range(3):
        began = time.process_time()
        assert sum(1 + len(cause.consequences) for cause in cluster_causes(found)) == len(found)
        took.append(time.process_time() - began)
    return min(took)


def test_time_grows_with_the_number_of_findings() -> None:
    seconds(300)
    half, whole = seconds(5_001), seconds(10_002)
    assert whole < 3.5 * half + 0.05, f"{half:.3f} s for 5,001, {whole:.3f} s for 10,002"
