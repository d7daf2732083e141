"""What the pages of the rules about the gRPC peer cannot say in one example: healthy set-ups, and one cause a fault."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.diagnosis.correlate import causes_of, verdict_of
from grpcdoctor.diagnosis.judge import judge
from grpcdoctor.model.finding import Finding, Verdict
from grpcdoctor.model.rule import Severity
from tests.checks.pages import run_from

METHODS = {
    "health": "/grpc.health.v1.Health/Check",
    "list": "/grpc.health.v1.Health/List",
    "v1": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "v1alpha": "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "unknown": "/grpcdoctor.Probe/Nope",
    "call": "/shop.Orders/Get",
}
Answer = dict[str, Any]


def ok(*headers: tuple[str, str], media_type: str = "application/grpc") -> Answer:
    return {"http_status": 200, "grpc_status": 0, "messages": 1, "ended": True,
            "headers": [["content-type", media_type], *map(list, headers)]}


def status(code: int, message: str = "", *headers: tuple[str, str], media_type: str = "application/grpc") -> Answer:
    return {"http_status": 200, "grpc_status": code, "grpc_message": message, "trailers_only": True, "ended": True,
            "headers": [["content-type", media_type], *map(list, headers)]}


def page(code: int, media_type: str, body: str = "", *headers: tuple[str, str]) -> Answer:
    return {"http_status": code, "ended": True, "body": body, "body_bytes": len(body),
            "headers": [["content-type", media_type], *map(list, headers)]}


def facts_of(health: Answer, reflection: Answer, unknown: Answer, *, v1alpha: Answer | None = None,
             listed: Answer | None = None, call: Answer | None = None) -> dict[str, Any]:
    version = "v1" if reflection.get("grpc_status") == 0 else "v1alpha" if v1alpha is not None else None
    found: dict[str, Any] = {
        "http2": {"first": {"spoken": "h2"}, "transport": "tls"},
        "tls": {"verified": {"version": "TLSv1.3", "selected": "h2"}},
        "health": {"check": {"path": METHODS["health"], **health},
                   "status": "SERVING" if health.get("grpc_status") == 0 else None,
                   "list": {"path": METHODS["list"], **(listed or unknown)}},
        "reflection": {"v1": {"path": METHODS["v1"], **reflection}, "version": version},
        "grpc": {"reply": {"path": METHODS["unknown"], **unknown}},
    }
    if version != "v1":
        found["reflection"]["v1alpha"] = {"path": METHODS["v1alpha"], **(v1alpha or reflection)}
    if call is not None:
        found["call"] = {"method": METHODS["call"], "reply": {"path": METHODS["call"], **call}}
    return found


def judged(facts: dict[str, Any], **options: Any) -> tuple[list[str], Verdict, tuple[Finding, ...]]:
    run = run_from({"target": "grpc.example.com:443", "facts": facts, "options": options})
    findings, blind_spots = judge(run)
    causes = causes_of(findings, run)
    return [cause.name for cause in causes], verdict_of(causes, blind_spots), findings


ENVOY = ("server", "envoy")
SERVICE_TIME = ("x-envoy-upstream-service-time", "1")
TIME_OF_ENVOY = (ENVOY, SERVICE_TIME)
C_CORE = status(12, "Method not found!")
GO_404 = page(404, "text/plain; charset=utf-8", "404 page not found\n")

HEALTHY = {
    "grpcio": facts_of(ok(), C_CORE, C_CORE, v1alpha=ok()),
    "grpcio without health and reflection": facts_of(C_CORE, C_CORE, C_CORE),
    "grpc-go": facts_of(ok(), ok(), status(12, "unknown service grpcdoctor.Probe")),
    "grpc-go with health and no entry for the empty name": facts_of(status(5, "unknown service"), ok(), C_CORE),
    "grpc-java": facts_of(ok(), ok(), status(12, "Method not found: grpcdoctor.Probe/Nope")),
    "grpc-js": facts_of(ok(), status(12, "The server does not implement the method x"),
                        status(12, "The server does not implement the method x")),
    "tonic, which has no words": facts_of(status(12), status(12), status(12)),
    "tonic with health behind nginx": facts_of(ok(("server", "nginx")), status(12, "", ("server", "nginx")),
                                               status(12, "", ("server", "nginx"))),
    "tonic behind Envoy": facts_of(status(12, "", *TIME_OF_ENVOY), status(12, "", *TIME_OF_ENVOY),
                                   status(12, "", *TIME_OF_ENVOY)),
    "grpc-dotnet": facts_of(ok(("server", "Kestrel")), status(12, "Service is unimplemented.", ("server", "Kestrel")),
                            status(12, "Service is unimplemented.", ("server", "Kestrel"))),
    "application/grpc+proto": facts_of(ok(media_type="application/grpc+proto"),
                                       status(12, media_type="application/grpc+proto"),
                                       status(12, media_type="application/grpc+proto")),
    "Connect with health": facts_of(ok(), GO_404, GO_404),
    "Connect with health, nginx in front": facts_of(
        ok(("server", "nginx")), GO_404 | {"headers": [*GO_404["headers"], ["server", "nginx"]]},
        GO_404 | {"headers": [*GO_404["headers"], ["server", "nginx"]]}),
    "Connect with a method": facts_of(GO_404, GO_404, GO_404, call=ok()),
    "behind Envoy": facts_of(ok(*TIME_OF_ENVOY), status(12, "Method not found!", *TIME_OF_ENVOY),
                             status(12, "Method not found!", *TIME_OF_ENVOY)),
    "reflection closed to strangers": facts_of(ok(), status(16, "token missing"), C_CORE),
    "health open, the rest behind RBAC of the application": facts_of(ok(), status(7, "no"), status(7, "no")),
    "a method that refuses its argument": facts_of(ok(), ok(), C_CORE, call=status(3, "id is required")),
}


@pytest.mark.parametrize("set_up", HEALTHY)
def test_a_healthy_set_up_has_no_cause(set_up: str) -> None:
    causes, verdict, findings = judged(HEALTHY[set_up])
    assert (causes, verdict) == ([], Verdict.HEALTHY)
    assert all(finding.effective_severity is Severity.INFO for finding in findings)


NGINX = ("server", "nginx/1.22.1")
NGINX_404 = page(404, "text/html", "<center>nginx/1.22.1</center>", NGINX)
WEB_PAGE = page(200, "text/html", "<!doctype html>", NGINX)
NO_TRAILERS = {"http_status": 200, "ended": True, "messages": 1, "body_bytes": 7,
               "headers": [["content-type", "application/grpc"]]}
UNAUTHENTICATED = status(16, "who are you?")
DENIED = status(7, "not you")
LIMITED = status(8, "quota is used up")
SHED = status(1, "CANCELLED")
LATE = status(4, "Deadline Exceeded") | {"first_byte_ms": 4990.0, "duration_ms": 4991.0, "deadline_ms": 5000.0}
UNENDING = {"http_status": 200, "lost": "timeout", "duration_ms": 5000.0, "first_byte_ms": 1.0,
            "headers": [["content-type", "application/grpc"]]}
BROKEN, UNDECIDED, DEGRADED = Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.DEGRADED

FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str, Verdict]] = {
    "a web site": (facts_of(WEB_PAGE, WEB_PAGE, WEB_PAGE), {}, "not-grpc", BROKEN),
    "404 pages": (facts_of(NGINX_404, NGINX_404, NGINX_404), {}, "not-grpc", UNDECIDED),
    "404 for the call too": (facts_of(NGINX_404, NGINX_404, NGINX_404, call=NGINX_404), {}, "not-grpc", BROKEN),
    "415": (facts_of(*[page(415, "text/plain")] * 3), {}, "not-grpc", UNDECIDED),
    "gRPC-Web only": (facts_of(*[page(200, "application/grpc-web+proto")] * 3), {}, "not-grpc", BROKEN),
    "trailers stripped": (facts_of(NO_TRAILERS, NO_TRAILERS, NO_TRAILERS), {}, "trailers-missing", BROKEN),
    "credentials wanted": (facts_of(*[UNAUTHENTICATED] * 3), {}, "authentication-required", UNDECIDED),
    "credentials wanted, unknown methods told": (facts_of(UNAUTHENTICATED, UNAUTHENTICATED, C_CORE), {},
                                                 "authentication-required", UNDECIDED),
    "credentials refused": (facts_of(*[UNAUTHENTICATED] * 3), {"headers": [["authorization", "x"]]},
                            "authentication-required", BROKEN),
    "401 of a proxy": (facts_of(*[page(401, "text/html", "", NGINX)] * 3), {}, "authentication-required", UNDECIDED),
    "permission wanted": (facts_of(*[DENIED] * 3), {}, "permission-denied", UNDECIDED),
    "permission refused": (facts_of(*[DENIED] * 3), {"headers": [["authorization", "x"]]}, "permission-denied", BROKEN),
    "the call alone is denied": (facts_of(ok(), ok(), C_CORE, call=DENIED), {"headers": [["authorization", "x"]]},
                                 "permission-denied", BROKEN),
    "rate limit": (facts_of(*[LIMITED] * 3), {}, "rate-limited", BROKEN),
    "load shed": (facts_of(*[SHED] * 3), {}, "server-overloaded", BROKEN),
    "method missing": (facts_of(ok(), ok(), C_CORE, call=C_CORE), {"call": "shop.Orders/Get"},
                       "method-unimplemented", BROKEN),
    "method missing in tonic": (facts_of(ok(), ok(), status(12), call=status(12)), {}, "method-unimplemented", BROKEN),
    "method missing behind Envoy": (
        facts_of(ok(*TIME_OF_ENVOY), ok(*TIME_OF_ENVOY), status(12, "", *TIME_OF_ENVOY),
                 call=status(12, "", *TIME_OF_ENVOY)), {}, "method-unimplemented", BROKEN),
    "the call fails in the application": (facts_of(ok(), ok(), C_CORE, call=status(14, "no database")), {},
                                          "call-failed", BROKEN),
    "a status that gRPC does not have": (facts_of(*[status(99, "eh")] * 3), {}, "call-failed", UNDECIDED),
    "an interceptor fails for all": (facts_of(*[status(13, "boom")] * 3), {}, "call-failed", UNDECIDED),
    "the health check fails by itself": (facts_of(status(2, "Exception calling application"), ok(), C_CORE), {},
                                         "call-failed", DEGRADED),
    "Envoy's direct_response": (facts_of(*[status(2, "ok", ENVOY)] * 3), {}, "call-failed", UNDECIDED),
    "everything ends at our own deadline": (facts_of(*[LATE] * 3), {}, "response-timeout", BROKEN),
    "headers come, and then nothing": (facts_of(*[UNENDING] * 3), {}, "response-timeout", BROKEN),
    "the call ends at our own deadline": (facts_of(ok(), ok(), C_CORE, call=LATE), {}, "response-timeout", BROKEN),
    "only methods routed, Envoy": (
        facts_of(*[status(12, "", ENVOY)] * 3, call=ok(*TIME_OF_ENVOY)), {}, "reflection-not-routed", DEGRADED),
    "only methods routed, nginx": (facts_of(NGINX_404, NGINX_404, NGINX_404, call=ok(NGINX)), {},
                                   "reflection-not-routed", DEGRADED),
    "only methods routed, a web page for the rest": (facts_of(WEB_PAGE, WEB_PAGE, WEB_PAGE, call=ok(NGINX)), {},
                                                     "reflection-not-routed", DEGRADED),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_one_cause(fault: str) -> None:
    facts, options, name, expected = FAULTS[fault]
    causes, verdict, _ = judged(facts, **options)
    assert (causes, verdict) == ([name], expected)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_headline_fits_a_terminal(fault: str) -> None:
    facts, options, _, _ = FAULTS[fault]
    for finding in judged(facts, **options)[2]:
        assert len(finding.message) <= 80, finding.message
        assert finding.explanation


def test_a_413_of_nginx_is_cured_by_its_limit_on_bodies_and_not_by_a_location() -> None:
    large = page(413, "text/html", "<center>413 Request Entity Too Large</center>", NGINX)
    (finding,) = [f for f in judged(facts_of(large, large, large))[2] if f.rule.name == "not-grpc"]
    assert [fix.patch for fix in finding.fixes] == ["client_max_body_size 0;"]


def test_services_that_are_refused_are_listed_in_words() -> None:
    facts = facts_of(ok(), UNAUTHENTICATED, UNAUTHENTICATED, listed=ok())
    (finding,) = [f for f in judged(facts)[2] if f.rule.name == "authentication-required"]
    assert finding.message == "reflection and an unknown method are refused: credentials are required"


def test_a_question_put_with_the_last_milliseconds_is_no_evidence() -> None:
    facts = facts_of(LATE, LATE, LATE, v1alpha={"lost": "timeout", "duration_ms": 0.2})
    (finding,) = [f for f in judged(facts)[2] if f.rule.name == "response-timeout"]
    assert len(finding.evidence) == 3
    assert finding.message == "no answer to the health check"


def test_a_name_with_other_capitals_is_suggested() -> None:
    facts = facts_of(ok(), ok(), C_CORE, call=C_CORE)
    facts["reflection"]["services"] = ["grpc.health.v1.Health", "shop.v2.orders"]
    (finding,) = [f for f in judged(facts)[2] if f.rule.name == "method-unimplemented"]
    assert "shop.v2.orders" in finding.fixes[0].summary
    assert finding.fixes[0].command is not None
    assert "shop.v2.orders/Get" in finding.fixes[0].command


def test_grpcio_that_agrees_with_the_wire_is_no_finding_of_its_own() -> None:
    facts = facts_of(*[UNAUTHENTICATED] * 3)
    facts["second-opinion"] = {"client": "grpcio 1.85.1", "method": METHODS["health"], "code": "UNAUTHENTICATED"}
    assert judged(facts)[0] == ["authentication-required"]


def test_grpcio_that_fails_where_all_is_well_is_a_warning() -> None:
    facts = facts_of(ok(), ok(), C_CORE)
    facts["second-opinion"] = {"client": "grpcio 1.85.1", "method": METHODS["health"], "code": "UNAVAILABLE",
                               "details": "failed to connect to all addresses"}
    assert judged(facts)[:2] == (["clients-disagree"], Verdict.DEGRADED)
