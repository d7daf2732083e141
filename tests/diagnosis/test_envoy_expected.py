"""The objects of a cluster and an Envoy's own word: a difference is a finding, and what Envoy does is what is shown."""

from __future__ import annotations

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.paths import paths_for
from grpcdoctor.diagnosis.engine import report_of
from grpcdoctor.diagnosis.envoy_expected import expected_of
from grpcdoctor.diagnosis.with_cluster import Witness, heard
from grpcdoctor.model.facts.envoy import EnvoyBackend, EnvoyFacts
from grpcdoctor.model.observation import Observation, Observations, Outcome
from grpcdoctor.model.report import Report, Scope
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target
from tests.table.cluster_behind import HOST, behind

CLUSTER = "outbound|50051||greeter.lab.svc.cluster.local"


def told_by(version: str) -> Report:
    """A probe of the host with an Envoy that speaks this to the Service, and the healthy objects behind it."""
    facts = EnvoyFacts(backends=(EnvoyBackend(CLUSTER, version=version, version_field="HttpProtocolOptions"),))
    run = Run(parse_target(f"grpc://{HOST}"), observations=Observations((Observation("envoy", Outcome.OK, facts),)))
    cluster = cluster_of(behind({}))
    return heard(report_of(run, "", 0.0), run, Witness(cluster, Scope("test"), HOST))


def test_the_objects_say_what_a_proxy_should_speak() -> None:
    (expected,) = expected_of(paths_for(cluster_of(behind({})), HOST))
    assert (expected.title, expected.port, expected.protocol) == ("Service lab/greeter", 50051, "h2")
    assert expected.is_cluster(CLUSTER)
    assert not expected.is_cluster("outbound|8080||greeter.lab.svc.cluster.local")
    assert not expected.is_cluster("greeter")


def test_an_envoy_that_does_as_the_objects_say_is_no_finding() -> None:
    assert "envoy-differs-from-config" not in {finding.rule.name for finding in told_by("h2").findings}


def test_an_envoy_that_does_otherwise_is_one_and_its_word_is_shown() -> None:
    report = told_by("http/1.1")
    found = next(finding for finding in report.findings if finding.rule.name == "envoy-differs-from-config")
    assert "Service lab/greeter" in found.message
    legs = [hop for hop in report.paths[0].hops if hop.source_kind == "gateway"]
    assert legs[0].protocol == "http/1.1"
    assert legs[0].reason == "by Envoy's own word"
