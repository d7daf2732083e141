"""gce-health-check-unanswered: Google's load balancer asks a gRPC port for GET /, and takes it for dead."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import annotation_path, carried
from grpcdoctor.cluster.fields import number_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.gce import BACKEND_CONFIG, backend_config_of
from grpcdoctor.cluster.kinds import GKE_BACKEND_CONFIG
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD697",
    name="gce-health-check-unanswered",
    severity=Severity.WARNING,
    title="Google's load balancer checks a gRPC port with an HTTP request that it does not answer",
)
READS = (*ROUTE_KINDS, GKE_BACKEND_CONFIG)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done: set[int] = set()
    for each in carried(cluster, "gce"):
        port = each.backend.port
        if not isinstance(port, ServicePort) or each.backend.upstream.spoken is not Spoken.H2 or id(port) in done:
            continue
        done.add(id(port))
        name = backend_config_of(port)
        config = cluster.get(GKE_BACKEND_CONFIG, port.service.namespace, name) if name else None
        if name is None or (name and config is None) or (config is not None and _checks_elsewhere(config, port)):
            continue
        holder = config or port.service.object
        path = ("spec", "healthCheck", "port") if config is not None else annotation_path(BACKEND_CONFIG)
        yield about(
            RULE,
            holder,
            path,
            f"the health check of {each.title} is GET / on the gRPC port, which servers do not answer with 200",
            symptom="GKE's Ingress knows health checks of HTTP, HTTPS and HTTP2 only, and does not use a gRPC probe of "
            "the pod. The backend stays UNHEALTHY, and clients get UNAVAILABLE (502).",
            evidence=(seen(port.service.object, port.path), *each.evidence[:1]),
            fixes=(
                Fix(
                    "Answer GET /healthz with 200 on another port of the pods, and name it in a BackendConfig: "
                    "spec.healthCheck: {type: HTTP, port: 8080, requestPath: /healthz}"
                ),
                Fix("Or use the GKE Gateway, whose HealthCheckPolicy knows gRPC"),
            ),
            related=(each.item,),
            confidence=0.7,
        )


def _checks_elsewhere(config: Object, port: ServicePort) -> bool:
    """It names a port that is not the one that serves."""
    own = number_at(config.spec, "healthCheck", "port")
    return own is not None and own not in port.target_numbers
