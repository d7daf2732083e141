"""The terminal report: what a tired reader sees first, and that it fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from grpcdoctor.model.report import Hop, HopPath, Report
from grpcdoctor.report.layout import cells
from grpcdoctor.report.style import Style
from grpcdoctor.report.text import Many, render
from tests.report import samples

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

Sample = Callable[[], Report]


def lines_of(report: Report, style: Style | None = None) -> list[str]:
    return render(report, style or Style()).rstrip("\n").split("\n")


def test_the_first_line_says_endpoint_verdict_and_rule_and_the_second_the_cause() -> None:
    first, second, *_ = lines_of(samples.broken())
    assert first.startswith("✗ grpc.example.com:443  BROKEN ")
    assert first.endswith(" GD204 alpn-missing")
    assert second == "  the TLS listener negotiates no protocol (ALPN is not configured)"


def test_a_wide_terminal_has_verdict_and_cause_on_one_line() -> None:
    first = lines_of(samples.broken(), Style(width=120))[0]
    assert "BROKEN  the TLS listener negotiates no protocol (ALPN is not configured)  " in first
    assert first.endswith("GD204 alpn-missing")


def test_a_broken_endpoint_reads_in_the_order_in_which_one_acts() -> None:
    text = render(samples.broken(), Style())
    labels = re.findall(r"^  ([A-Z]\S*) ", text, re.MULTILINE)
    assert labels == ["Why", "Seen", "Fix", "Ladder", "TLS", "Hops", "Also", "More"]


def test_a_healthy_endpoint_with_everything_to_show_takes_at_most_twelve_lines() -> None:
    lines = lines_of(samples.healthy())
    assert len(lines) <= 12, "\n".join(lines)
    text = "\n".join(lines)
    for wanted in ("63 days left", "gRPC C-core", "ping 11 ms", "headers 8 KiB", "SERVING", "acme.orders.v1.Orders0"):
        assert wanted in text


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("unicode", [False, True])
@pytest.mark.parametrize("sample", samples.ALL)
def test_no_line_is_wider_than_the_terminal_apart_from_one_word_or_command(
    sample: Sample, unicode: bool, verbose: bool, width: int
) -> None:
    report = sample()
    style = Style(width=width, unicode=unicode, verbose=verbose)
    # What is meant to be pasted is never broken, nor is a single word.
    changes = [fix.command or fix.patch or "" for cause in report.causes for fix in cause.fixes]
    changes += [spot.decide or "" for spot in report.blind_spots]
    changes += [other.decide or "" for cause in report.causes for other in cause.root.alternatives]
    verbatim = {style.fit(line.strip()) for change in changes for line in change.split("\n")}
    for line in lines_of(report, style):
        if cells(line) > width and sample is not samples.hostile:
            assert line.strip() in verbatim or " " not in line.strip(), line


def test_a_command_is_printed_whole_on_a_line_of_its_own() -> None:
    assert samples.LONG_COMMAND in [line.strip() for line in lines_of(samples.broken(), Style(width=40))]


def test_a_patch_keeps_its_lines_and_their_indentation() -> None:
    text = render(samples.broken(), Style())
    assert "           servers:\n           - port: {number: 443, protocol: HTTPS}\n" in text


@pytest.mark.parametrize("sample", samples.ALL)
@pytest.mark.parametrize("verbose", [False, True])
def test_without_colour_there_is_no_escape_and_with_colour_the_words_are_the_same(
    sample: Sample, verbose: bool
) -> None:
    plain = render(sample(), Style(verbose=verbose))
    coloured = render(sample(), Style(colour=True, verbose=verbose))
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in _COLOUR.sub("", coloured).split("\n")] == plain.split("\n")


@pytest.mark.parametrize("sample", samples.ALL)
def test_an_ascii_terminal_gets_ascii_and_words_for_marks(sample: Sample) -> None:
    text = render(sample(), Style(unicode=False, verbose=True))
    assert text.isascii()
    assert "\\u2713" not in text


def test_the_ladder_marks_the_layer_that_breaks_and_those_that_were_not_reached() -> None:
    text = render(samples.broken(), Style(width=120))
    assert "✓ dns 1.5 ms  ✓ tcp 11 ms  ! tls 24 ms  ✗ alpn (none)  ✗ http/2  – grpc" in text


def test_a_likely_cause_says_so_and_what_decides() -> None:
    text = render(samples.likely(), Style())
    assert "Envoy cannot connect to its backend (likely, 70%)" in text
    assert "  Or     upstream-tls-mismatch: the backend may speak TLS only\n           grpcurl -plaintext" in text
    assert text.count("grpcurl -plaintext backend:50051 list") == 1


def test_what_grpcio_says_stands_beside_what_was_seen() -> None:
    text = " ".join(render(samples.broken(), Style()).split())
    assert 'grpcio 1.85.1 says UNAVAILABLE: "Cannot check peer: missing selected ALPN property."' in text


def test_an_inconclusive_report_says_what_was_not_seen_why_and_which_command_decides() -> None:
    lines = lines_of(samples.inconclusive())
    assert lines[0].startswith("? grpc.example.com:443  INCONCLUSIVE")
    assert lines[1] == "  not looked at: whether any method is routed"
    assert "  Why    the proxy routes none of the paths that every server has" in lines
    assert "           grpcdoctor probe grpc.example.com:443 --call SERVICE/METHOD" in lines


def test_every_hop_names_its_protocol_and_who_decided_it() -> None:
    text = " ".join(render(samples.in_a_cluster(), Style()).split())
    assert "client —h2, TLSv1.3→ gateway —http/1.1, plaintext→ pod" in text
    assert "http/1.1 to pod because Service prod/greeter spec.ports[0].name is http-main" in text
    assert "Where Service prod/greeter spec.ports[0].name (greeter.yaml:12)" in text


def test_a_further_cause_gets_a_short_block() -> None:
    text = render(samples.broken(), Style())
    block = text[text.index("  Also") : text.index("  More")]
    assert "warning: the certificate expires in 9 days (GD207 certificate-expiring)" in block
    assert "cmctl renew grpc-cert" in block
    assert "Clients refuse it" not in block


def test_verbose_shows_every_observation_in_words_and_what_was_folded() -> None:
    text = " ".join(render(samples.broken(), Style(verbose=True)).split())
    assert "Folded the port answers in HTTP/1.1 (http2-not-spoken), explained by alpn-missing" in text
    assert "attempts: 203.0.113.7:443 connected in 11 ms" in text
    assert "TLSv1.3, TLS_AES_256_GCM_SHA384, SNI grpc.example.com, offered h2 · selected none" in text


def test_a_bug_of_our_own_is_shown_with_a_request_to_report_it() -> None:
    text = " ".join(render(samples.bug(), Style()).split())
    assert "Bug grpcdoctor itself failed in its tls probe: KeyError: 'x'." in text
    assert "please report this" in text


@pytest.mark.parametrize("verbose", [False, True])
def test_what_a_peer_wrote_cannot_steer_the_terminal(verbose: bool) -> None:
    text = render(samples.hostile(), Style(verbose=verbose))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]", text)
    assert "\\x1b[2J" in text
    text.encode("utf-8")


def test_many_targets_take_one_aligned_line_each_and_a_summary() -> None:
    reports = [samples.healthy(), samples.broken(), samples.inconclusive(), samples.degraded()]
    many = Many([report.target.endpoint for report in reports] + ["h:1"], Style())
    lines = [many.line(report) for report in reports]
    assert all(line.count("\n") == 1 and cells(line.rstrip("\n")) <= 80 for line in lines)
    assert {
        line.index(word) for line, word in zip(lines, ("HEALTHY", "BROKEN", "INCONCLUSIVE", "DEGRADED"), strict=True)
    } == {24}
    assert lines[1] == "✗ grpc.example.com:443  BROKEN        the TLS listener does not negotiat…  GD204\n"
    tail = many.tail()
    assert "4 targets: 1 healthy, 1 degraded, 1 broken, 1 inconclusive" in tail
    assert "1 × alpn-missing" in tail
    assert "grpc.example.com:443 130 ms" in tail


def test_a_run_without_results_has_no_summary() -> None:
    assert Many([], Style()).tail() == ""


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("sample", samples.ALL)
def test_a_line_of_many_fits_the_width(sample: Sample, width: int) -> None:
    report = sample()
    for unicode in (True, False):
        line = Many([report.target.endpoint], Style(width=width, unicode=unicode)).line(report)
        assert cells(line.rstrip("\n")) <= width


def test_a_protocol_that_is_right_is_not_blamed_for_another_fault() -> None:
    said = 'Service lab/greeter ports[0].name = "grpc" selects HTTP/2'
    hop = Hop("client", "svc:50051", "h2", "TLS", None, said, "destination-rule-invisible", "client", "service")
    report = replace(samples.inspected(), paths=(HopPath("h", "VirtualService lab/greeter spec.http[0]", "", (hop,)),))
    assert f"└ destination-rule-invisible; {said}" in " ".join(render(report, Style(width=160)).split())


def test_routes_that_go_the_same_way_stand_in_one_picture() -> None:
    hop = Hop("client", "svc:50051", "http/1.1", None, None, "why", "service-port-not-http2", "client", "service")
    paths = tuple(HopPath("h", f"VirtualService lab/greeter spec.http[{n}]", "", (hop,)) for n in range(1204))
    text = render(replace(samples.inspected(), paths=paths), Style())
    assert text.count("svc:50051") == 1
    assert "+1,201 more routes that go the same way" in text
