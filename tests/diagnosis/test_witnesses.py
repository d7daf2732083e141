"""Symptom × configuration: every pair of the table makes one cause of the two, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.diagnosis.registry import Check, ClusterCheck, all_checks, rules
from grpcdoctor.diagnosis.with_cluster import Witness, heard
from grpcdoctor.diagnosis.witnesses import ROWS, join
from grpcdoctor.model.finding import Alternative, Evidence, Finding, Fix, Source, Subject, Verdict
from grpcdoctor.model.report import Report, Scope
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target

PAIRS = [(symptom, configuration) for symptom, found in ROWS.items() for configuration in found]
PATCH = Fix("patch it", command="kubectl patch …")


def symptom_of(name: str, **more: object) -> Finding:
    finding = Finding(rules()[name], f"the wire shows {name}", (Evidence("frames", Source.WIRE, "grpc"),))
    return replace(finding, severity=Severity.ERROR, confidence=0.6, **more)  # type: ignore[arg-type]


def configuration_of(name: str, **more: object) -> Finding:
    subject = Subject(kind="Service", namespace="prod", name="greeter", field="spec")
    seen = (Evidence("spec", Source.CLUSTER, "Service prod/greeter"),)
    finding = Finding(rules()[name], f"the objects say {name}", seen, fixes=(PATCH,), subject=subject, confidence=0.8)
    return replace(finding, **more)  # type: ignore[arg-type]


def test_every_name_of_the_table_is_a_rule_of_its_witness() -> None:
    wire = {check.rule.name for check in all_checks() if isinstance(check, Check)}
    cluster = {check.rule.name for check in all_checks() if isinstance(check, ClusterCheck)}
    cluster.add("envoy-differs-from-config")  # judged with an Envoy's word, too
    cluster.add("ingress-address-pending")  # judged by what the cluster says of the way in
    assert set(ROWS) - wire == set()
    assert {name for found in ROWS.values() for name in found} - cluster == set()


@pytest.mark.parametrize(("symptom", "configuration"), PAIRS)
def test_a_pair_is_one_cause_with_evidence_of_both_and_the_patch(symptom: str, configuration: str) -> None:
    wire, objects = symptom_of(symptom), configuration_of(configuration)
    joined = join((wire,), (objects,))
    cause = joined.explained[id(wire)]
    assert cause.rule.name == configuration
    assert cause.effective_severity is Severity.ERROR
    assert cause.confidence >= 0.95
    assert {item.source for item in cause.evidence} == {Source.WIRE, Source.CLUSTER}
    assert cause.fixes == (PATCH,)
    assert joined.findings == (wire, cause)


def test_look_alikes_are_told_apart_by_the_objects() -> None:
    """The text of refused and of TLS to a plaintext backend is one: the alternative's configuration decides."""
    other = Alternative("upstream-tls-mismatch", "the same text")
    wire = symptom_of("upstream-unreachable", alternatives=(other,))
    objects = configuration_of("service-app-terminates-tls")
    assert join((wire,), (objects,)).explained[id(wire)].rule.name == "service-app-terminates-tls"


def test_a_configuration_that_does_not_explain_the_symptom_stays_beside_it() -> None:
    wire, objects = symptom_of("certificate-expired"), configuration_of("service-port-not-http2")
    joined = join((wire,), (objects,))
    assert joined.explained == {}
    assert joined.findings == (wire, objects)


def test_an_error_of_the_objects_that_the_wire_does_not_show_is_a_warning() -> None:
    [found] = join((), (configuration_of("service-port-not-http2"),)).findings
    assert found.effective_severity is Severity.WARNING
    assert any(item.source is Source.WIRE for item in found.evidence)


def test_two_symptoms_of_one_configuration_are_one_cause() -> None:
    wire = (symptom_of("upstream-protocol-mismatch"), symptom_of("rst-stream"))
    joined = join(wire, (configuration_of("service-port-not-http2"),))
    assert joined.explained[id(wire[0])] is joined.explained[id(wire[1])]


def test_the_report_has_one_cause_the_hop_picture_and_the_scope() -> None:
    wire = symptom_of("upstream-protocol-mismatch")
    target = parse_target("grpc.example.com")
    report = Report(target, Verdict.BROKEN, "2026-01-01T00:00:00Z", 1.0, findings=(wire,))
    cluster = cluster_of(MANIFESTS)
    done = heard(report, Run(target), Witness(cluster, Scope("manifests"), "grpc.example.com"))
    assert [cause.name for cause in done.causes] == ["service-port-not-http2"]
    assert {item.source for item in done.causes[0].evidence} == {Source.WIRE, Source.CLUSTER}
    assert done.causes[0].fixes[0].changes
    [path] = done.paths
    assert path.problem == "service-port-not-http2"
    assert [hop.protocol for hop in path.hops] == ["h2", "http/1.1"]
    assert done.scope is not None
    assert done.scope.host == "grpc.example.com"


MANIFESTS = [
    {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": "prod"},
        "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [
                {
                    "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                    "hosts": ["grpc.example.com"],
                    "tls": {"mode": "SIMPLE", "credentialName": "tls"},
                }
            ],
        },
    },
    {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "greeter", "namespace": "prod"},
        "spec": {
            "hosts": ["grpc.example.com"],
            "gateways": ["public"],
            "http": [{"route": [{"destination": {"host": "greeter", "port": {"number": 50051}}}]}],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "greeter", "namespace": "prod"},
        "spec": {"selector": {"app": "greeter"}, "ports": [{"name": "http-main", "port": 50051}]},
    },
]
