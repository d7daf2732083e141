"""What Envoy's word makes of a symptom where the lab has no such Envoy: Istio's, one that hides counters, busy ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grpcdoctor.diagnosis.envoy_facts import envoy_facts
from grpcdoctor.diagnosis.envoy_word import ROWS, told
from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.facts.envoy import Counted, EnvoyBackend, EnvoyEndpoint, EnvoyEntrance, EnvoyFacts, EnvoyWay
from grpcdoctor.model.facts.grpc import HealthFacts, Reply
from grpcdoctor.model.finding import Evidence, Finding
from grpcdoctor.model.observation import Observation, Observations, Outcome
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target
from tests.envoy.shapes import proxy_of

UNREACHABLE = Finding(rules()["upstream-unreachable"], "the proxy cannot connect", (Evidence("seen"),), confidence=0.7)
BACKEND = EnvoyBackend("greeter", version="h2", endpoints=(EnvoyEndpoint("10.0.0.1:50051"),), total=1, healthy=1)
WAY = EnvoyWay("/grpc.health.v1.Health/Check", "all", ("*",), "prefix /", action="route", clusters=("greeter",))
FACTS = EnvoyFacts(
    source="test", calls=5, took=5, entrance=EnvoyEntrance("web", stat_prefix="web"), ways=(WAY,), backends=(BACKEND,)
)


def heard(facts: EnvoyFacts, finding: Finding = UNREACHABLE) -> Finding:
    run = Run(parse_target("grpc://shop.test:80"), observations=Observations((Observation("e", Outcome.OK, facts),)))
    (found,), _ = told([finding], [], run)
    return found


def rose(**by: int) -> tuple[Counted, ...]:
    return tuple(Counted("cluster", "greeter", name.replace("__", "."), value) for name, value in by.items())


def test_every_row_names_rules_that_there_are() -> None:
    assert set(ROWS) <= set(rules())


def test_an_envoy_that_says_nothing_of_it_changes_nothing() -> None:
    assert heard(FACTS) == UNREACHABLE


def test_an_envoy_that_took_no_call_is_not_believed() -> None:
    facts = replace(FACTS, took=0, counted=rose(upstream_cx_connect_fail=3))
    assert heard(facts) == UNREACHABLE


def test_without_counters_of_tls_a_refusal_is_no_proof() -> None:
    endpoint = replace(BACKEND.endpoints[0], failed_connects=3)
    backend = replace(BACKEND, tls="mTLS", endpoints=(endpoint,))
    found = heard(replace(FACTS, took=None, counters_hidden=True, backends=(backend,)))
    assert found.rule.name == "upstream-unreachable"
    assert found.confidence == UNREACHABLE.confidence


def test_in_clear_the_endpoints_own_counter_is_proof_although_stats_are_hidden() -> None:
    endpoint = replace(BACKEND.endpoints[0], failed_connects=3)
    found = heard(replace(FACTS, took=None, counters_hidden=True, backends=(replace(BACKEND, endpoints=(endpoint,)),)))
    assert "refused by 10.0.0.1:50051" in found.message
    assert found.confidence == 1.0


def test_a_connect_that_times_out_is_no_refusal() -> None:
    found = heard(replace(FACTS, counted=rose(upstream_cx_connect_timeout=2, upstream_cx_connect_fail=2)))
    assert "does not answer Envoy's connect()" in found.message


@pytest.mark.parametrize(
    ("counter", "words"),
    [("ssl__fail_verify_san", "another name"), ("ssl__fail_verify_error", "does not trust"),
     ("ssl__connection_error", "not TLS")],
)  # fmt: skip
def test_tls_that_fails_is_told_from_a_refusal(counter: str, words: str) -> None:
    facts = replace(
        FACTS,
        backends=(replace(BACKEND, tls="TLS"),),
        counted=rose(**{counter: 3, "upstream_cx_connect_fail": 3}),
    )
    found = heard(facts)
    assert found.rule.name == "upstream-tls-mismatch"
    assert words in found.message


def test_a_cluster_that_is_warming_is_named_so() -> None:
    finding = replace(UNREACHABLE, rule=rules()["cluster-not-found"])
    found = heard(replace(FACTS, backends=(replace(BACKEND, state="warming"),)), finding)
    assert "still warming" in found.message


def test_where_istio_made_the_cluster_its_object_is_what_to_change() -> None:
    backend = replace(BACKEND, tls="mTLS", made_by=("DestinationRule prod/greeter", "Service prod/greeter"))
    facts = replace(FACTS, istio_version="1.24.0", backends=(backend,), counted=rose(ssl__connection_error=3))
    assert "DestinationRule prod/greeter" in heard(facts).fixes[0].summary


def test_http1_by_istio_is_mended_on_the_services_port() -> None:
    finding = replace(UNREACHABLE, rule=rules()["upstream-protocol-mismatch"])
    backend = replace(BACKEND, version="http/1.1", made_by=("Service prod/greeter",))
    facts = replace(FACTS, istio_version="1.24.0", backends=(backend,), counted=rose(upstream_cx_protocol_error=3))
    found = heard(facts, finding)
    assert "Service prod/greeter" in found.fixes[0].summary
    assert found.confidence == 1.0


def test_what_mirrors_the_client_is_told_by_what_it_spoke() -> None:
    finding = replace(UNREACHABLE, rule=rules()["upstream-protocol-mismatch"])
    facts = replace(
        FACTS,
        backends=(replace(BACKEND, version="same-as-client"),),
        counted=rose(upstream_cx_protocol_error=3, upstream_cx_http2_total=3),
    )
    assert "speaks HTTP/2" in heard(facts, finding).message


def test_others_traffic_in_the_counters_leaves_a_doubt() -> None:
    found = heard(replace(FACTS, took=500, counted=rose(upstream_cx_connect_fail=300)))
    assert found.confidence < 1.0
    assert "495 requests of others among them" in found.evidence[0].detail


def test_before_envoy_1_38_max_requests_counted_as_pending() -> None:
    finding = replace(UNREACHABLE, rule=rules()["upstream-overloaded"])
    limits = (("max_connections", 1024), ("max_pending_requests", 1024), ("max_requests", 1), ("max_retries", 3))
    facts = replace(
        FACTS, backends=(replace(BACKEND, limits=limits),), counted=rose(upstream_rq_pending_overflow=4)
    )
    assert "max_requests of cluster greeter (1)" in heard(facts, finding).message


ROUTES = [{"match": {"prefix": "/"}, "route": {"cluster": "greeter", "timeout": "0s"}}]


def test_behind_another_port_the_listener_is_found_by_what_it_counted() -> None:
    def at(requests: int) -> dict[str, object]:
        return {
            "listeners": [
                {"name": "a", "port": 8080, "http": {"stat_prefix": "a", "routes": ROUTES}},
                {"name": "b", "port": 8443, "http": {"stat_prefix": "b", "routes": ROUTES}},
            ],
            "clusters": [{"name": "greeter", "http": "h2", "endpoints": ["10.0.0.1:50051"]}],
            "stats": {"http.a.downstream_rq_total": 7, "http.b.downstream_rq_total": 7 + requests},
        }

    reply = Reply("/grpc.health.v1.Health/Check", grpc_status=14)
    seen = Observations((Observation("health", Outcome.OK, HealthFacts(check=reply)),))
    facts = envoy_facts(proxy_of(at(0)), proxy_of(at(1)), Run(parse_target("grpc://shop.test:80"), observations=seen))
    assert facts.entrance is not None
    assert (facts.entrance.listener, facts.entrance.found_by, facts.took) == ("b", "counters", 1)
    assert facts.ways[0].clusters == ("greeter",)
    assert facts.backends[0].version == "h2"


def test_an_envoy_that_says_nothing_at_all_has_no_entrance() -> None:
    facts = envoy_facts(proxy_of({}), proxy_of({}), Run(parse_target("grpc://shop.test:80")))
    assert facts.entrance is None
