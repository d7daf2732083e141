"""A log is counted, its kinds are explained as texts, and what most requests get is told from what a few get."""

from __future__ import annotations

from collections.abc import Sequence

from grpcdoctor.diagnosis.explain_log import LogExplainer
from grpcdoctor.model.facts.log import LogFacts
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.report.json import to_json
from grpcdoctor.report.style import Style
from grpcdoctor.report.text import render
from tests.cli.test_explain import line
from tests.report.test_json import VALIDATOR


def explained(lines: Sequence[str]) -> Report:
    log = LogExplainer()
    log.add(lines)
    return log.report()


def facts_of(report: Report) -> LogFacts:
    facts = Observations(report.observations).get(LogFacts)
    assert facts is not None
    return facts


def terminated(count: int) -> list[str]:
    details = "upstream_reset_before_response_started{connection_termination}"
    return [line(second, flags="UC", details=details) for second in range(count)]


def test_a_few_lost_connections_among_many_good_calls_are_no_matter_of_configuration() -> None:
    report = explained([*(line(second) for second in range(500)), *terminated(10)])
    assert report.causes[0].name in ("connection-lost", "connection-recycled", "stream-cut-by-idle-timeout")
    assert report.causes[0].severity is Severity.WARNING
    assert report.verdict is Verdict.DEGRADED


def test_the_same_for_every_call_is() -> None:
    report = explained(terminated(100))
    names = [report.causes[0].name, *report.causes[0].alternatives]
    assert "service-port-not-http2" in names[:3]
    assert report.verdict is Verdict.BROKEN


def test_an_answer_of_the_application_is_no_fault_of_a_proxy() -> None:
    lines = [line(second).replace(" via_upstream", " via_upstream") + " grpc" for second in range(70)]
    assert explained(lines).verdict is Verdict.HEALTHY


def test_durations_that_end_at_one_figure_are_told() -> None:
    lines = [
        line(second, flags="UT", details="response_timeout").replace('"-" 5 7 12 11', f'"-" 5 7 {15000 + second} -')
        for second in range(50)
    ]
    report = explained(lines)
    assert report.causes[0].name == "upstream-timeout"
    assert any("ended at 15 s" in item.detail for item in report.causes[0].evidence)
    assert any("15 s is Envoy's default" in item.detail for item in report.causes[0].evidence)


def test_messages_between_the_requests_are_explained_too() -> None:
    message = 'ERROR connection error: desc = "error reading server preface: EOF"'
    report = explained([*(line(second) for second in range(80)), *([message] * 3)])
    (group,) = (group for group in facts_of(report).groups if group.kind == "messages")
    assert (group.count, group.suspects[0].rule) == (3, "plaintext-expected-tls-found")


def test_a_report_may_be_asked_while_lines_come() -> None:
    log = LogExplainer()
    log.add([line(1)] * 100)
    first = facts_of(log.report()).requests
    log.add([line(2)] * 100)
    assert (first, facts_of(log.report()).requests) == (100, 200)


def test_an_empty_log_is_not_healthy() -> None:
    report = explained([])
    assert report.verdict is Verdict.INCONCLUSIVE


def test_a_log_of_which_nothing_is_known_is_not_healthy() -> None:
    report = explained([f"{second} done in {second} steps" for second in range(100)])
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "no line is a request" in report.blind_spots[0].why


def test_it_keeps_the_contract_and_can_be_drawn() -> None:
    report = explained([*(line(second) for second in range(500)), *terminated(40)])
    VALIDATOR.validate(to_json(report))
    for width in (40, 80, 120):
        for unicode in (True, False):
            page = render(report, Style(width=width, unicode=unicode))
            assert "connection_termination" in page.replace("\n", "").replace(" ", "") or width == 40
            assert unicode or page.isascii()


def test_the_same_fault_of_two_upstreams_is_told_with_the_times_of_each() -> None:
    cart = [line(second, flags="UH", details="no_healthy_upstream") for second in range(20)]
    stock = [line(second, flags="UH", details="no_healthy_upstream") for second in range(100, 110)]
    report = explained([*cart, *(each.replace("cart.prod", "stock.prod") for each in stock)])
    first, second = report.causes
    assert first.name == second.name
    assert [cause.root.subject and cause.root.subject.name for cause in report.causes] == [
        "outbound|50051||cart.prod.svc.cluster.local",
        "outbound|50051||stock.prod.svc.cluster.local",
    ]
    page = render(report, Style(width=120, unicode=True))
    assert "2026-11-25T03:00:00Z to 2026-11-25T03:00:19Z" in page
    assert "2026-11-25T03:01:40Z to 2026-11-25T03:01:49Z" in page
