"""Every reply has one kind and one author: the texts of many proxies and versions, and what several replies mean."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcdoctor.checks.grpc._replies import Kind, answered_by, is_proxy_no_route, of_kind, seen
from grpcdoctor.diagnosis.registry import checks
from grpcdoctor.model.facts.grpc import CallFacts, GrpcFacts, HealthFacts, Reply
from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.observation import Facts, Observation, Observations, Outcome
from grpcdoctor.model.rule import Layer, Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target

GRPC = ("content-type", "application/grpc")
ENVOY, ISTIO, NGINX = ("server", "envoy"), ("server", "istio-envoy"), ("server", "nginx/1.22.1")
SERVICE_TIME = ("x-envoy-upstream-service-time", "3")
RESET = "upstream connect error or disconnect/reset before headers. reset reason: "
RETRIED = "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: "


def envoy(status: int, message: str = "", *headers: tuple[str, str]) -> Reply:
    return Reply(http_status=200, headers=(ENVOY, GRPC, *headers), trailers_only=True, grpc_status=status,
                 grpc_message=message, ended=True)


def page(status: int, body: str = "", *headers: tuple[str, str], ms: float = 1.0) -> Reply:
    return Reply(http_status=status, headers=headers, body=body, body_bytes=len(body), duration_ms=ms, ended=True)


def haproxy(status: int, reason: str, words: str, ms: float = 1.0) -> Reply:
    return page(status, f"<html><body><h1>{status} {reason}</h1>\n{words}\n</body></html>\n", ms=ms)


def run_of(*replies: Reply, terminator: str | None = None) -> Run:
    """The first reply is of health, the second of the unknown method, the third of --call."""
    first, second, third = (*replies, None, None)[:3]
    facts: list[Facts] = [HealthFacts(check=first), GrpcFacts(reply=second), CallFacts(reply=third)]
    if terminator is not None:
        facts.append(Http2Facts(terminator=terminator))
    observed = tuple(Observation(fact.kind, Outcome.OK, fact) for fact in facts)
    return Run(parse_target("grpc.example.com"), observations=Observations(observed))


ENVOY_TEXTS = [
    (envoy(14, RESET + "connection failure"), Kind.UNREACHABLE),
    (envoy(14, RESET + "remote connection failure"), Kind.UNREACHABLE),
    (envoy(14, RESET + "local connection failure"), Kind.UNREACHABLE),
    (envoy(14, RESET + "connection timeout"), Kind.UNREACHABLE),
    (envoy(14, RESET + "remote connection failure, transport failure reason: delayed connect error: 111"),
     Kind.UNREACHABLE),
    (envoy(14, RETRIED + "remote connection failure, transport failure reason: delayed connect error: "
           "Connection refused|remote address:10.0.0.7:50051"), Kind.UNREACHABLE),
    (envoy(14, RETRIED + "connection failure, transport failure reason: immediate connect error: Network is "
           "unreachable"), Kind.UNREACHABLE),
    (envoy(14, "upstream connect error or disconnect/reset before headers"), Kind.UNREACHABLE),
    (envoy(14, RESET + "connection failure, transport failure reason: TLS error: 268435703:SSL routines:"
           "OPENSSL_internal:WRONG_VERSION_NUMBER"), Kind.UPSTREAM_TLS),
    (envoy(14, RESET + "remote connection failure, transport failure reason: TLS_error:|268435703:SSL routines:"
           "OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end"), Kind.UPSTREAM_TLS),
    (envoy(14, RESET + "connection failure, transport failure reason: TLS error: Secret is not supplied by SDS"),
     Kind.UPSTREAM_TLS),
    (envoy(14, RESET + "remote connection failure, transport failure reason: TLS_error:|268436501:SSL routines:"
           "OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED:TLS_error_end"), Kind.UPSTREAM_TLS),
    (envoy(14, RESET + "protocol error"), Kind.PROTOCOL_MISMATCH),
    (envoy(14, RESET + "HTTP/1 premature upstream half close"), Kind.PROTOCOL_MISMATCH),
    (envoy(14, RESET + "connection termination"), Kind.CONNECTION_TERMINATED),
    (envoy(14, RESET + "remote reset"), Kind.CONNECTION_TERMINATED),
    (envoy(14, RESET + "overflow", ("x-envoy-overloaded", "true")), Kind.UPSTREAM_OVERLOADED),
    (envoy(14, RESET + "remote refused stream reset"), Kind.UPSTREAM_OVERLOADED),
    (envoy(14, RESET + "overload manager reset"), Kind.OVERLOADED),
    (envoy(14, "no healthy upstream"), Kind.NO_HEALTHY),
    (envoy(14, "upstream request timeout"), Kind.UPSTREAM_TIMEOUT),
    (envoy(4, "upstream request timeout"), Kind.UPSTREAM_TIMEOUT),
    (envoy(2, "stream timeout"), Kind.UPSTREAM_TIMEOUT),
    (envoy(4, "downstream duration timeout"), Kind.UPSTREAM_TIMEOUT),
    (envoy(14, "upstream max stream duration reached"), Kind.UPSTREAM_TIMEOUT),
    (envoy(2, "fault filter abort"), Kind.FAULT),
    (envoy(7, "RBAC: access denied"), Kind.RBAC),
    (page(403, "RBAC: access denied", ISTIO), Kind.RBAC),
    (envoy(16, "Jwt is missing"), Kind.AUTH),
    (envoy(14, "local_rate_limited"), Kind.RATE_LIMITED),
    (envoy(14, "", ("x-envoy-ratelimited", "true")), Kind.RATE_LIMITED),
    (envoy(12), Kind.NO_ROUTE),
    (envoy(14), Kind.CLUSTER_MISSING),
    (envoy(2, "", ("location", "https://grpc.example.com/")), Kind.REDIRECT),
    (envoy(12, "", SERVICE_TIME), Kind.UNIMPLEMENTED),
    (envoy(12, "Method not found!"), Kind.UNIMPLEMENTED),
    (envoy(14, "", SERVICE_TIME), Kind.APPLICATION),
    (envoy(2, "<html><body>It works!</body></html>"), Kind.NOT_GRPC),
]

OTHER_PROXIES = [
    (Reply(http_status=0, headers=(NGINX,), body_hex="000018040000000000", ended=True), Kind.PROTOCOL_MISMATCH),
    (Reply(http_status=0, headers=(NGINX,), lost="timeout", duration_ms=5000.0), Kind.PROTOCOL_MISMATCH),
    (Reply(http_status=200, headers=(NGINX, GRPC), lost="timeout", duration_ms=5000.0), Kind.UNANSWERED),
    (page(464, "", ("server", "awselb/2.0")), Kind.PROTOCOL_MISMATCH),
    (haproxy(502, "Bad Gateway", "The server returned an invalid or incomplete response."), Kind.PROTOCOL_MISMATCH),
    (haproxy(503, "Service Unavailable", "No server is available to handle this request.", ms=3001), Kind.UNREACHABLE),
    (haproxy(503, "Service Unavailable", "No server is available to handle this request."), Kind.NO_HEALTHY),
    (haproxy(504, "Gateway Time-out", "The server didn't respond in time."), Kind.UPSTREAM_TIMEOUT),
    (haproxy(403, "Forbidden", "Request forbidden by administrative rules."), Kind.DENIED),
    (page(502, "<html>502 Bad Gateway</html>", NGINX), Kind.UNREACHABLE),
    (page(503, "<html>503 Service Temporarily Unavailable</html>", NGINX), Kind.RATE_LIMITED),
    (page(503, "<html>503</html><center>nginx</center>"), Kind.NO_HEALTHY),
    (page(504, "<html>504 Gateway Time-out</html>", NGINX), Kind.UPSTREAM_TIMEOUT),
    (page(404, "<html><center>404 Not Found</center>", NGINX), Kind.NOT_GRPC),
    (page(404, "default backend - 404"), Kind.NO_ROUTE),
    (page(404, "404 page not found\n"), Kind.NO_ROUTE),
    (page(404, '{"message":"no Route matched with those values"}', ("server", "kong/3.4.0")), Kind.NO_ROUTE),
    (page(404, "response 404 (backend NotFound), service rules for the path non-existent"), Kind.NO_ROUTE),
    (page(421), Kind.NO_ROUTE),
    (page(503, "no available server\n"), Kind.NO_HEALTHY),
    (page(503, "", ("server", "awselb/2.0")), Kind.NO_HEALTHY),
    (page(521, "", ("server", "cloudflare")), Kind.UNREACHABLE),
    (page(524, "", ("server", "cloudflare")), Kind.UPSTREAM_TIMEOUT),
    (page(526, "", ("server", "cloudflare")), Kind.UPSTREAM_TLS),
    (page(403, "<html>error code: 1020", ("server", "cloudflare")), Kind.DENIED),
    (page(503, "", ("l5d-proxy-error", "logical service greeter:50051: service in fail-fast")), Kind.NO_HEALTHY),
    (page(403, "", ("l5d-proxy-error", "unauthorized connection")), Kind.RBAC),
    (Reply(http_status=204, headers=(NGINX,), trailers_only=True, grpc_status=14, grpc_message="unavailable"),
     Kind.UNREACHABLE),
    (Reply(http_status=204, headers=(NGINX,), trailers_only=True, grpc_status=12, grpc_message="unimplemented"),
     Kind.NO_ROUTE),
]

PEERS = [
    (Reply(http_status=200, headers=(GRPC,), messages=1, grpc_status=0), Kind.OK),
    (Reply(http_status=200, headers=(GRPC,), messages=2, lost="timeout"), Kind.OK),
    (Reply(http_status=200, headers=(GRPC,), trailers_only=True, grpc_status=12), Kind.UNIMPLEMENTED),
    (Reply(http_status=200, headers=(GRPC,), messages=1, ended=True), Kind.TRAILERS_MISSING),
    (Reply(http_status=200, headers=(GRPC,), ended=True, reset_code=0), Kind.TRAILERS_MISSING),
    (page(200, "<html>hello</html>", ("content-type", "text/html")), Kind.NOT_GRPC),
    (page(301, "", ("location", "https://x/")), Kind.REDIRECT),
    (Reply(reset_code=2), Kind.RESET),
    (Reply(lost="timeout"), Kind.UNANSWERED),
    (Reply(lost="goaway"), Kind.LOST),
    (Reply(http_status=200, headers=(GRPC,), trailers_only=True, grpc_status=1, grpc_message="CANCELLED"),
     Kind.OVERLOADED),
    (Reply(http_status=200, headers=(GRPC,), grpc_status=14, grpc_message="database: no healthy upstream"),
     Kind.APPLICATION),
]
ALL = [*ENVOY_TEXTS, *OTHER_PROXIES, *PEERS]


@pytest.mark.parametrize(("reply", "kind"), ALL, ids=lambda v: v.value if isinstance(v, Kind) else "")
def test_a_reply_has_the_kind_that_its_words_tell(reply: Reply, kind: Kind) -> None:
    assert seen(run_of(reply))[0].kind is kind


@pytest.mark.parametrize(("reply", "kind"), ALL, ids=lambda v: v.value if isinstance(v, Kind) else "")
def test_one_reply_gives_at_most_one_cause_of_the_grpc_layer(reply: Reply, kind: Kind) -> None:
    run = run_of(reply)
    found = [c for check in checks() if check.rule.layer in (Layer.GRPC, Layer.HTTP2) for c in check.function(run)]
    names = [c.rule.name for c in found if isinstance(c, Finding) and c.effective_severity is not Severity.INFO]
    assert len(names) <= 1, names


def test_every_message_fits_a_line_and_every_finding_has_a_way_out() -> None:
    for reply, _ in (*ENVOY_TEXTS, *OTHER_PROXIES):
        run = run_of(reply)
        for check in checks():
            if check.rule.code.startswith("GD42") or check.rule.code in ("GD430", "GD431", "GD432"):
                for finding in check.function(run):
                    if isinstance(finding, Finding):
                        assert len(finding.message) <= 76, finding.message
                        assert finding.fixes, finding.rule.name


def test_a_terse_application_behind_an_envoy_that_hides_its_header_is_no_missing_route() -> None:
    spoken = Reply(http_status=200, headers=(ENVOY, GRPC), messages=1, grpc_status=0)
    run = run_of(spoken, envoy(12))
    assert answered_by(envoy(12), run).who == "unknown"
    assert of_kind(seen(run), Kind.NO_ROUTE)[0].confidence == 0.5


def test_the_header_in_another_answer_makes_its_absence_proof() -> None:
    run = run_of(Reply(http_status=200, headers=(ENVOY, GRPC, SERVICE_TIME), messages=1, grpc_status=0), envoy(12))
    assert of_kind(seen(run), Kind.NO_ROUTE)[0].confidence == 1.0


def test_words_of_envoy_from_behind_the_first_proxy_weigh_less() -> None:
    refused = RESET + "remote connection failure, transport failure reason: delayed connect error: 111"
    assert seen(run_of(envoy(14, refused)))[0].confidence == 1.0
    assert seen(run_of(envoy(14, refused, SERVICE_TIME)))[0].confidence == 0.8


def test_a_proof_settles_what_a_bare_502_and_a_hang_of_the_same_run_mean() -> None:
    proof = Reply(http_status=0, headers=(NGINX,), body_hex="000018040000000000", ended=True)
    run = run_of(page(502, "<html>502</html>", NGINX), Reply(lost="timeout"), proof)
    assert {item.kind for item in seen(run)} == {Kind.PROTOCOL_MISMATCH}


def test_doubtful_replies_are_read_as_what_all_of_them_allow() -> None:
    slow = haproxy(503, "Service Unavailable", "No server is available to handle this request.", ms=1100)
    run = run_of(slow, Reply(reset_code=7), terminator="haproxy")
    assert {item.kind for item in seen(run)} == {Kind.PROTOCOL_MISMATCH}
    assert all(Kind.UPSTREAM_TLS in item.also for item in seen(run))


def test_a_hang_beside_refused_streams_leaves_tls_among_the_candidates() -> None:
    """haproxy `proto h2` in clear to a TLS port: measured."""
    refused = Reply(path="/grpc.health.v1.Health/Check", reset_code=7, duration_ms=0.6)
    hang = Reply(path="/grpcdoctor.Probe/Nope", lost="timeout", duration_ms=5000.0)
    run = run_of(refused, hang, terminator="haproxy")
    assert all(Kind.UPSTREAM_TLS in (item.kind, *item.also) for item in seen(run))


def test_refused_stream_is_haproxys_word_only_from_haproxy() -> None:
    assert seen(run_of(Reply(reset_code=7), terminator="haproxy"))[0].kind is Kind.PROTOCOL_MISMATCH
    assert seen(run_of(Reply(reset_code=7), terminator="grpc-go"))[0].kind is Kind.RESET


def test_nginxs_own_404_is_a_proxys_no_route_though_its_rule_is_not_grpc() -> None:
    reply = page(404, "<html><center>404 Not Found</center>", NGINX)
    assert is_proxy_no_route(reply, run_of(reply))
    of_a_site = page(404, "<html>nothing here</html>", ("content-type", "text/html"))
    assert not is_proxy_no_route(of_a_site, run_of(of_a_site))


_TEXT = st.sampled_from(["", RESET, RESET + "overflow", "no healthy upstream", "<html>", "\x00\ufffd", "Jwt "])
_HEADERS = st.lists(
    st.tuples(st.sampled_from(["server", "via", "content-type", "location", "x-envoy-upstream-service-time",
                               "l5d-proxy-error", "x-envoy-overloaded"]),
              st.sampled_from(["", "envoy", "nginx", "application/grpc", "x", "-1", "9" * 400])),
    max_size=4,
).map(tuple)
_REPLIES = st.builds(
    Reply,
    http_status=st.none() | st.integers(0, 999),
    headers=_HEADERS,
    trailers_only=st.booleans(),
    grpc_status=st.none() | st.integers(-1, 99),
    grpc_message=_TEXT,
    body=_TEXT,
    body_hex=st.sampled_from(["", "zz", "00 00 18 04 00 00 00 00 00", "0000"]),
    messages=st.integers(0, 2),
    ended=st.booleans(),
    reset_code=st.none() | st.integers(0, 2**32 - 1),
    lost=st.sampled_from([None, "timeout", "goaway", "closed", "something new"]),
    first_byte_ms=st.none() | st.floats(0, 1e6),
    duration_ms=st.floats(0, 1e6),
)


@settings(max_examples=150, deadline=None)
@given(_REPLIES, _REPLIES, _REPLIES)
def test_whatever_comes_back_has_a_kind_and_breaks_no_rule(health: Reply, unknown: Reply, call: Reply) -> None:
    run = run_of(health, unknown, call)
    assert len(seen(run)) == 3
    for check in checks():
        if check.rule.layer is Layer.GRPC:
            list(check.function(run))
