"""A healthy Gateway API set-up gives nothing above a note, whichever implementation serves it."""

from __future__ import annotations

import pytest

from grpcdoctor.diagnosis.registry import cluster_checks
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.rule import Severity
from tests.cluster.gateway_api.setups import cluster, gateway, route, service

LISTENERS = (
    "[{name: https, port: 443, protocol: HTTPS, hostname: '*.example.com',"
    " tls: {certificateRefs: [{name: example-tls}]}, allowedRoutes: {namespaces: {from: All}}}]"
)
CONTROLLERS = {
    "istio": "istio.io/gateway-controller",
    "contour": "projectcontour.io/gateway-controller",
    "eg": "gateway.envoyproxy.io/gatewayclass-controller",
    "traefik": "traefik.io/gateway-controller",
    "cilium": "io.cilium/gateway-controller",
    "nginx": "gateway.nginx.org/nginx-gateway-controller",
}
REST = """
apiVersion: v1
kind: Secret
metadata: {name: example-tls, namespace: infra}
type: kubernetes.io/tls
---
apiVersion: v1
kind: Namespace
metadata: {name: prod}
---
apiVersion: v1
kind: Namespace
metadata: {name: infra}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: greeter, namespace: prod}
spec:
  replicas: 1
  selector: {matchLabels: {app: greeter}}
  template:
    metadata: {labels: {app: greeter}}
    spec:
      containers:
      - name: app
        image: registry.example.com/greeter:1.4
        ports: [{name: grpc, containerPort: 50051}]
        readinessProbe: {grpc: {port: 50051}}
"""


@pytest.mark.parametrize("kind", ["GRPCRoute", "HTTPRoute"])
@pytest.mark.parametrize("name", CONTROLLERS)
@pytest.mark.parametrize("complete", [True, False])
def test_a_healthy_set_up_gives_nothing_above_a_note(name: str, kind: str, complete: bool) -> None:
    port = "{name: grpc, port: 50051, appProtocol: kubernetes.io/h2c}"
    built = cluster(
        gateway(name, LISTENERS, CONTROLLERS[name]), route(kind), service(port), REST, complete=complete
    )  # fmt: skip
    found = [c for check in cluster_checks() for c in check.function(built) if isinstance(c, Finding)]
    assert [(f.rule.name, f.message) for f in found if f.effective_severity is not Severity.INFO] == []
