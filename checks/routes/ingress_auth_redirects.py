"""ingress-auth-redirects: callers without a session are sent to a login page, which no gRPC client can use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.routes._ingress import (
    annotation_path,
    by_object,
    confidence,
    evidence_of,
    nginx,
    nginx_key,
    services_in,
)  # fmt: skip
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.ingress.aws import PREFIX
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD681",
    name="ingress-auth-redirects",
    severity=Severity.WARNING,
    title="callers without a session are redirected to a login page",
)
READS = ROUTE_KINDS

_SIGN_IN: Final = nginx_key("auth-signin")
_AUTH_TYPE: Final = f"{PREFIX}auth-type"
_UNAUTHENTICATED: Final = f"{PREFIX}auth-on-unauthenticated-request"
_SYMPTOM: Final = (
    "A gRPC client has no cookies and follows no redirect: without credentials that are accepted it gets UNKNOWN "
    "(HTTP status 302) in place of UNAUTHENTICATED."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for item, group in nginx(cluster):
        if item.annotations.get(_SIGN_IN):
            yield about(
                RULE,
                item,
                annotation_path(_SIGN_IN),
                f"{item.title} routes gRPC and redirects callers without a session to a login page",
                symptom=_SYMPTOM,
                evidence=evidence_of(group, 1),
                fixes=(Edit(item).remove(annotation_path(_SIGN_IN)).fix("Keep auth-url alone: it answers 401 then"),),
                related=services_in(group),
                confidence=confidence(cluster, item),
            )
    for item, group in by_object(cluster, "alb"):
        kind = item.annotations.get(_AUTH_TYPE, "")
        if kind in ("cognito", "oidc") and item.annotations.get(_UNAUTHENTICATED, "authenticate") == "authenticate":
            edit = Edit(item).set(annotation_path(_UNAUTHENTICATED), "deny")
            yield about(
                RULE,
                item,
                annotation_path(_AUTH_TYPE),
                f"{item.title} routes gRPC, and the ALB redirects callers without a session to a login ({kind})",
                symptom=_SYMPTOM,
                evidence=evidence_of(group, 1),
                fixes=(edit.fix("Answer 401, and check tokens in the server: a gRPC client cannot log in here"),),
                related=services_in(group),
                confidence=confidence(cluster, item),
            )
