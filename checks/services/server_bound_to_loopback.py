"""server-bound-to-loopback: a gRPC server listens on 127.0.0.1, where nobody but its own pod reaches it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._owners import in_owner
from grpcdoctor.checks.services._ports import grpc_ports
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at, mappings_at, text_at
from grpcdoctor.cluster.kinds import SIDECAR
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Workload, owner_of
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD513",
    name="server-bound-to-loopback",
    severity=Severity.ERROR,
    title="a gRPC server listens on the loopback address",
    explains=("service-no-ready-endpoints",),
)
READS = ROUTE_KINDS
_LOOPBACK = re.compile(r"(?<![\w.])(127\.0\.0\.1|localhost|\[::1\]):(\d{2,5})(?!\d)", re.IGNORECASE)
# The name of an option or variable that tells a server where to listen …
_LISTENS = re.compile(r"listen|bind|(?<![a-z])(addr|address|host|server|serve|grpc)(?![a-z])", re.IGNORECASE)
# … and of one that tells a client whom to call, be it in the same container.
_DIALS = re.compile(
    r"target|upstream|backend|dial|connect|client|endpoint|url|uri|health|probe|peer|remote|proxy|forward|join|"
    r"register|advertise|exporter|collector|gateway",
    re.IGNORECASE,
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    reported: set[tuple[int, FieldPath]] = set()
    for port, _ in grpc_ports(cluster):
        for workload, container, number in port.containers():
            for path, text, value in _bound(container, number):
                owner = owner_of(cluster, workload)[0]
                if (id(owner), path) in reported or workload.is_ready or _led_by_sidecar(cluster, workload, number):
                    continue
                reported.add((id(owner), path))
                yield _judge(cluster, port, workload, container, (path, text, value))


def _bound(container: Container, number: int) -> Iterator[tuple[FieldPath, str, str]]:
    """(path, the words, the value) where the container is told to listen on loopback at this port."""
    found = [
        (path, text, value)
        for path, name, text, value in _settings(container)
        if _tells(name, value, number)
    ]
    elsewhere = re.compile(rf"(?:^|[=\s/])(?:0\.0\.0\.0|\[::\]|\*)?:{number}(?!\d)")
    if found and not any(elsewhere.search(value) for _, _, _, value in _settings(container)):
        yield found[0]


def _tells(name: str, value: str, number: int) -> bool:
    match = _LOOPBACK.search(value)
    if match is None or int(match[2]) != number:
        return False
    words = name.replace("_", "-")
    return _LISTENS.search(words) is not None and _DIALS.search(words) is None


def _settings(container: Container) -> Iterator[tuple[FieldPath, str, str, str]]:
    """(path, the option's or variable's name, its words, the value)."""
    for index, item in mappings_at(container.raw, "env"):
        name, value = text_at(item, "name"), text_at(item, "value")
        yield (*container.path, "env", index, "value"), name, f"{name}={value}", value
    for key in ("command", "args"):
        before = ""
        for index, word in enumerate(str(word) for word in items_at(container.raw, key)):
            option = word.partition("=")[0] if "=" in word else before
            shown = word if "=" in word else f"{before} {word}".strip()
            yield (*container.path, key, index), option, shown, word
            before = word if word.startswith("-") and "=" not in word else ""


def _led_by_sidecar(cluster: Cluster, workload: Workload, number: int) -> bool:
    """A Sidecar object has the proxy hand calls on to 127.0.0.1 (an ingress listener with a defaultEndpoint)."""
    return any(
        text_at(raw, "defaultEndpoint") == f"127.0.0.1:{number}"
        for item in cluster.in_namespace(SIDECAR, workload.namespace)
        for _, raw in mappings_at(item.raw, "spec", "ingress")
    )


def _judge(
    cluster: Cluster, port: ServicePort, workload: Workload, container: Container, where: tuple[FieldPath, str, str]
) -> Conclusion:
    path, text, value = where
    owner, field = in_owner(cluster, workload, container, path)
    return about(
        RULE,
        workload.object,
        path,
        f"container {container.name} of {workload.title} listens on loopback only: {text}",
        symptom="Calls come to the pod's address, where nothing listens. Clients get UNAVAILABLE: connection refused; "
        "behind Envoy, UNAVAILABLE: upstream connect error … reset reason: remote connection failure.",
        fixes=(Edit(owner).set(field, _LOOPBACK.sub(r"0.0.0.0:\2", value)).fix("Listen on all addresses"),),
        related=(port.service.object, *(rule.object for rule, _ in rules_to(cluster, port))),
        confidence=0.85,
    )
