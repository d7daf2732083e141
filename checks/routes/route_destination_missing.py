"""route-destination-missing: a route leads to a host or a Service that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import says_namespace
from grpcdoctor.checks.routes._common import (
    ISTIO,
    closest,
    field_of,
    full_name,
    is_placeholder,
    names_a_service,
    no_backend,
    rules_once,
    service_key,
    target_of,
)  # fmt: skip
from grpcdoctor.checks.services._near import slip_among
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.istio.hosts import domain_of, service_name_of
from grpcdoctor.cluster.kinds import SERVICE, SERVICE_ENTRY
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import Service, find_service, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import workloads
from grpcdoctor.model.finding import BlindSpot, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD631",
    name="route-destination-missing",
    severity=Severity.ERROR,
    title="a route leads to a Service that is not there",
)
READS = (*ROUTE_KINDS, SERVICE_ENTRY)

# `greeter.prod` and `greeter.prod.svc`: DNS in a pod completes them, Istio does not.
_HALF_A_NAME: Final = re.compile(r"^([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)(?:\.svc)?$")
_NAME_LABELS: Final = ("app", "app.kubernetes.io/name", "k8s-app")


@dataclass(frozen=True)
class _Missing:
    rule: RouteRule
    backend: Backend
    namespace: str
    """Of the Service that is meant; empty for a host outside the cluster."""
    name: str
    host: str
    """As Istio or the controller reads it."""


def check(cluster: Cluster) -> Iterator[Conclusion]:
    unseen: dict[str, BlindSpot] = {}
    for rule in rules_once(cluster):
        for backend in rule.backends:
            if backend.port is None and names_a_service(rule, backend) and target_of(cluster, rule, backend) is None:
                for conclusion in _judge(cluster, _missing(rule, backend)):
                    if isinstance(conclusion, BlindSpot):
                        unseen.setdefault(conclusion.what, conclusion)
                    else:
                        yield conclusion
    yield from unseen.values()


def _missing(rule: RouteRule, backend: Backend) -> _Missing:
    if rule.platform != ISTIO:
        namespace, name = service_key(rule, backend)
        return _Missing(rule, backend, namespace, name, f"{namespace}/{name}")
    full = full_name(rule, backend)
    named = service_name_of(full)
    return _Missing(rule, backend, named[0] if named else "", named[1] if named else "", full)


def _judge(cluster: Cluster, missing: _Missing) -> Iterator[Conclusion]:
    if is_placeholder(missing.host):
        return
    half = _HALF_A_NAME.match(missing.host) if missing.rule.platform == ISTIO else None
    meant = find_service(cluster, half[2], half[1]) if half else None
    if half and meant is not None:
        yield _half_a_name(cluster, missing, meant)
        return
    found, confidence = _near(cluster, missing), 1.0
    if not _known(cluster, missing):
        if found is None:
            yield BlindSpot(
                f"Service {missing.namespace}/{missing.name}" if missing.name else f"host {missing.host}",
                f"{missing.rule.object.title} routes to it, and it was not shown",
                blocks_verdict=False,
            )
            return
        confidence = 0.8
    near = f", {found.title} does" if found else ""
    yield about(
        RULE,
        missing.rule.object,
        field_of(missing.rule, missing.backend, "name") or missing.backend.path,
        f'{missing.rule.object.title} routes to "{_written(missing)}": {_kind(missing)} does not exist{near}',
        symptom=f"{_how_read(missing)}{no_backend(missing.rule.platform)}",
        evidence=(seen(found.object, ("metadata", "name"), f"{found.title} exists"),) if found else (),
        fixes=tuple(_fixes(cluster, missing, found)),
        related=(found.object,) if found else (),
        confidence=confidence,
    )


def _half_a_name(cluster: Cluster, missing: _Missing, meant: Service) -> Conclusion:
    path = field_of(missing.rule, missing.backend, "name") or missing.backend.path
    return about(
        RULE,
        missing.rule.object,
        path,
        f'{missing.rule.object.title} routes to "{_written(missing)}", which Istio takes literally; '
        f"{meant.title} is meant",
        symptom="Istio completes only names without a dot; a name with a dot must be complete. "
        f"{no_backend(ISTIO)}",
        evidence=(seen(meant.object, ("metadata", "name"), f"{meant.title} exists"),),
        fixes=(_to(cluster, missing, path, meant),),
        related=(meant.object,),
        confidence=1.0 if cluster.has_all(SERVICE_ENTRY) else 0.9,
    )


def _known(cluster: Cluster, missing: _Missing) -> bool:
    """Whether its absence is known."""
    if missing.rule.platform != ISTIO:
        return cluster.has_all(SERVICE, missing.namespace)
    return cluster.has_all(SERVICE_ENTRY) and (not missing.name or cluster.has_all(SERVICE, missing.namespace))


def _near(cluster: Cluster, missing: _Missing) -> Service | None:
    """The Service that is probably meant: nearly this name here, or this very name in one other namespace."""
    if not missing.name:
        return None
    here, elsewhere = cluster.once(_names)
    known = _known(cluster, missing)
    close = (closest if known else slip_among)(missing.name, here.get(missing.namespace, ()))
    if close is not None:
        return find_service(cluster, missing.namespace, close)
    others = elsewhere.get(missing.name, [])
    if not known and not says_namespace(missing.rule.object, *(other.object for other in others)):
        return None
    return others[0] if len(others) == 1 and missing.rule.platform == ISTIO else None


def _names(cluster: Cluster) -> tuple[dict[str, list[str]], dict[str, list[Service]]]:
    """The Services' names by namespace, and the Services by name."""
    here: dict[str, list[str]] = {}
    elsewhere: dict[str, list[Service]] = {}
    for service in services(cluster):
        here.setdefault(service.namespace, []).append(service.name)
        elsewhere.setdefault(service.name, []).append(service)
    return here, elsewhere


def _fixes(cluster: Cluster, missing: _Missing, found: Service | None) -> Iterator[Fix]:
    path = field_of(missing.rule, missing.backend, "name")
    if found is not None and path is not None:
        yield _to(cluster, missing, path, found)
        return
    selector = _selector(cluster, missing)
    port = missing.backend.port_number
    if selector is not None and port is not None:
        ports = [{"name": "grpc", "port": port, "appProtocol": "kubernetes.io/h2c"}]
        yield create(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": missing.name, "namespace": missing.namespace},
                "spec": {"selector": selector, "ports": ports},
            },
            f"Create the Service for the pods labelled so in {missing.namespace}",
        )
        return
    if missing.name:
        where = f"kubectl get services -A | grep -i {missing.name}"
        yield Fix(f"Create Service {missing.namespace}/{missing.name}, or name the one that is meant", command=where)
    else:
        yield Fix(
            f"Register {missing.host} with a ServiceEntry, or name the Service that is meant",
            command="kubectl get serviceentries.networking.istio.io -A",
        )


def _to(cluster: Cluster, missing: _Missing, path: FieldPath, found: Service) -> Fix:
    if missing.rule.platform != ISTIO:
        return Edit(missing.rule.object).set(path, found.name).fix(f"Name {found.title}")
    host = f"{found.name}.{found.namespace}.svc.{domain_of(cluster)}"
    return Edit(missing.rule.object).set(path, host).fix(f"Name {found.title} in full")


def _selector(cluster: Cluster, missing: _Missing) -> dict[str, str] | None:
    """Labels of workloads that are called as the Service should be."""
    for label in _NAME_LABELS if missing.name else ():
        if workloads(cluster).select({label: missing.name}, missing.namespace):
            return {label: missing.name}
    return None


def _kind(missing: _Missing) -> str:
    return f"Service {missing.namespace}/{missing.name}" if missing.name else f"the host {missing.host}"


def _written(missing: _Missing) -> str:
    return missing.backend.host if missing.rule.platform == ISTIO else missing.name


def _how_read(missing: _Missing) -> str:
    if missing.rule.platform == ISTIO and missing.name and "." not in missing.backend.host:
        return f"A short name is one in the VirtualService's own namespace, {missing.rule.object.namespace}. "
    return ""
