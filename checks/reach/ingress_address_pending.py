"""ingress-address-pending: the cluster asked for a load balancer and has no address for it yet."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from grpcdoctor.model.facts.reach import IngressFacts, TcpFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix, Source, Subject
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD104",
    name="ingress-address-pending",
    severity=Severity.ERROR,
    title="the way into the cluster has no address yet",
    explains=("dns-failure", "tcp-refused", "tcp-timeout", "tcp-unreachable"),
)
NEEDS = (IngressFacts, TcpFacts)

_FIELDS = {"Gateway": "status.addresses"}
_BY_KIND = {
    "Service": "status.loadBalancer.ingress is empty: no controller has given this LoadBalancer Service an address",
    "Gateway": "status.addresses is empty: the Gateway's controller has given it no address",
    "Ingress": "status.loadBalancer.ingress is empty: no ingress controller has taken this Ingress",
}


def check(run: Run) -> Iterator[Conclusion]:
    ingress, tcp = run.get(IngressFacts), run.get(TcpFacts)
    if ingress is None or not ingress.pending:
        return
    reached = tcp is not None and bool(tcp.connected)
    kind, name = ingress.object_kind, f"{ingress.namespace}/{ingress.name}"
    yield Finding(
        RULE,
        message=f"{kind} {name} still waits for its address",
        explanation="Until a cloud controller, MetalLB or the like assigns an address, no client outside the cluster "
        "has anywhere to connect to."
        + (
            " The endpoint answers all the same, so another way in is used (a node port, an external IP)."
            if reached
            else ""
        ),
        evidence=(Evidence(_BY_KIND.get(kind, f"{kind} has no address"), Source.CLUSTER, f"{kind} {name}"),),
        fixes=_fixes(ingress),
        severity=Severity.INFO if reached else None,
        subject=Subject(
            kind=kind,
            namespace=ingress.namespace,
            name=ingress.name,
            field=_FIELDS.get(kind, "status.loadBalancer.ingress"),
        ),
    )


def _fixes(ingress: IngressFacts) -> tuple[Fix, ...]:
    where = f"-n {quote(ingress.namespace)} {quote(ingress.object_kind.lower())} {quote(ingress.name)}"
    events = Fix(
        "read why: quota, subnet, a missing permission, or nobody responsible", command=f"kubectl describe {where}"
    )
    if ingress.object_kind != "Service":
        return (
            events,
            Fix("see whether the class names a controller that runs", command="kubectl get gatewayclass,ingressclass"),
        )
    return (
        events,
        Fix("bare metal: install MetalLB (or kube-vip), or use a node port"),
        Fix("kind, minikube: run the tunnel that plays the load balancer", command="minikube tunnel"),
    )
