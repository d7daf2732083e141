"""ingress-without-tls: gRPC behind an nginx controller that takes HTTP/2 over TLS only, and no TLS."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.routes._ingress import (
    Carried,
    by_object,
    confidence,
    evidence_of,
    grpc_by_nginx,
    services_in,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import FieldPath, items_at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.ingress.f5_nginx import F5_NGINX
from grpcdoctor.cluster.ingress.installed import pods_of, version_of, words_of
from grpcdoctor.cluster.ingress.nginx import NGINX
from grpcdoctor.cluster.kinds import INGRESS
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD672",
    name="ingress-without-tls",
    severity=Severity.ERROR,
    title="the controller takes HTTP/2 over TLS only, and the route has no TLS",
)
READS = ROUTE_KINDS

_TYPE = "nginx.org/mergeable-ingress-type"
_SYMPTOM = (
    "On the plaintext port nginx reads HTTP/1.1 and answers 400. Clients get UNAVAILABLE: Trying to connect an http1.x "
    "server, or an error about the first HTTP/2 frame."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in by_object(cluster, F5_NGINX.platform):
        spoken = [each for each in group if each.backend.upstream.spoken is Spoken.H2]
        bare = [each for each in spoken if not _has_tls(each)]
        if bare and item.annotations.get(_TYPE) != "minion":
            yield _finding(cluster, item, bare, Severity.ERROR, confidence(cluster, item))
    version = version_of(cluster, NGINX)
    words = words_of(cluster, NGINX) or ()
    if any(word.startswith("--default-ssl-certificate") for word in words) or (version or (0,)) >= (1, 10):
        return
    for item, group in grpc_by_nginx(cluster):
        bare = [each for each in group if not _has_tls(each)]
        if bare and version is not None:
            yield _finding(cluster, item, bare, Severity.WARNING, confidence(cluster, item))
        elif bare:
            yield _finding(cluster, item, bare, Severity.INFO, 0.6)


def _has_tls(each: Carried) -> bool:
    return any(entrance.terminates_tls or entrance.passes_tls for entrance in each.rule.entrances)


def _finding(cluster: Cluster, item: Object, group: list[Carried], severity: Severity, sure: float) -> Conclusion:
    controller = group[0].controller
    path: FieldPath = ("spec", "tls")
    gate = ""
    if severity is Severity.INFO:
        gate = " Since version 1.10 ingress-nginx takes HTTP/2 on the plaintext port, too: it depends on the version."
    return about(
        RULE,
        item,
        path,
        f"{item.title} routes gRPC and has no TLS, without which {controller.title} offers no HTTP/2",
        symptom=_SYMPTOM + gate,
        evidence=(
            *evidence_of(group),
            *(seen(w.object, ("metadata", "name"), f"{w.title} runs {controller.title} {_dotted(cluster, group)}")
              for w in pods_of(cluster, controller)[:1]),
        ),
        fixes=(_fix(item, group),),
        related=services_in(group),
        severity=severity,
        confidence=sure,
    )  # fmt: skip


def _dotted(cluster: Cluster, group: list[Carried]) -> str:
    return ".".join(str(part) for part in version_of(cluster, group[0].controller) or ())


def _fix(item: Object, group: list[Carried]) -> Fix:
    secret = f"{item.name}-tls"
    summary = f"Terminate TLS here, with a certificate in the Secret {secret}"
    if item.kind is not INGRESS:
        return Edit(item).set(("spec", "tls"), {"secret": secret}).fix(summary)
    hosts = list(dict.fromkeys(host for each in group for host in each.rule.hosts))
    entry = {"hosts": hosts, "secretName": secret} if hosts else {"secretName": secret}
    return Edit(item).set(("spec", "tls"), [*items_at(item.spec, "tls"), entry]).fix(summary)
