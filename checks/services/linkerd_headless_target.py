"""linkerd-headless-target: clients in Linkerd's mesh call a headless Service, where it does not balance calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._linkerd import grpc_ports, in_linkerd
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Workload, distinct_workloads
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD562",
    name="linkerd-headless-target",
    severity=Severity.WARNING,
    title="a client in Linkerd's mesh calls a headless Service, whose calls Linkerd does not balance",
)
READS = ROUTE_KINDS

_LABEL: Final = "[a-z0-9][a-z0-9-]{0,62}"
_ADDRESS: Final = re.compile(rf"(?<![\w.-])({_LABEL})((?:\.{_LABEL}){{0,5}}):(\d{{2,5}})(?!\d)")
_LONGEST: Final = 2000
_ROUND_ROBIN: Final = "round_robin"
_Client = tuple[Workload, FieldPath, str]


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for port, meshed, _ in grpc_ports(cluster):
        service = port.service
        if not service.is_headless:
            continue
        client = cluster.once(_clients).get((service.namespace, service.name, port.number))
        if client is None or all(workload is client[0] for workload in meshed):
            continue
        workload, path, written = client
        yield about(
            RULE,
            workload.object,
            path,
            f"{workload.title} calls the headless {service.title}, and Linkerd does not balance such calls",
            symptom="The client resolves one pod's address, and Linkerd takes that pod alone. All calls go there: it "
            "answers late (DEADLINE_EXCEEDED), and UNAVAILABLE comes when it goes.",
            evidence=(
                seen(workload.object, path, f"{workload.title} is given the address {written}"),
                seen(service.object, ("spec", "clusterIP")),
            ),
            fixes=tuple(_fixes(port)),
            related=(service.object,),
            confidence=0.7,
        )


def _clients(cluster: Cluster) -> dict[tuple[str, str, int], _Client]:
    """(namespace, Service, port) -> a workload in the mesh that names it, and does no balancing of its own."""
    found: dict[tuple[str, str, int], _Client] = {}
    for workload in distinct_workloads(cluster):
        if not in_linkerd(cluster, workload):
            continue
        for container in workload.containers:
            texts = [(container.path, word) for word in container.words]
            texts += [(container.environment_path(name), value) for name, value in container.environment.items()]
            if any(_ROUND_ROBIN in text for _, text in texts):
                continue
            for path, text in texts:
                for name, rest, port in _ADDRESS.findall(text) if len(text) < _LONGEST else ():
                    space = rest.split(".")[1] if rest else workload.namespace
                    found.setdefault((space, name, int(port)), (workload, path, f"{name}{rest}:{port}"))
    return found


def _fixes(port: ServicePort) -> Iterator[Fix]:
    service = port.service
    name = f"{service.name.removesuffix('-headless')}-grpc"
    manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": service.namespace},
        "spec": {
            "selector": service.selector,
            "ports": [
                {"name": "grpc", "port": port.number, "targetPort": port.target, "appProtocol": "kubernetes.io/h2c"}
            ],
        },
    }
    yield create(manifest, f"Make a Service with a cluster address, and have clients call {name}:{port.number}")
    yield Fix("Or have the client balance itself: dns:///… with the round_robin policy")
