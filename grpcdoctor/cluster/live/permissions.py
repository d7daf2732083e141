"""Permissions: asks the API server what we may do before we try it, so that a "no" is told by its verb and resource."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from grpcdoctor.cluster.fields import flag_at, text_at
from grpcdoctor.cluster.live.answers import Answer
from grpcdoctor.cluster.live.troubles import NoAnswer
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.wire.deadline import Deadline

_ALLOWED: Final = (200, 201)
_VERSION: Final = re.compile(r"v1\.(\d{1,4})")
_CREATE_SINCE: Final = 35  # the feature gate AuthorizePodWebsocketUpgradeCreatePermission, on by default


class May(str, Enum):
    """What a review says. UNKNOWN: it was refused itself or gave no answer, so only trying tells."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Permission:
    """One verb on one resource of the core API, in one namespace."""

    verb: str
    resource: str
    subresource: str = ""
    namespace: str = ""

    @property
    def what(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    @property
    def question(self) -> bytes:
        attributes = {
            "verb": self.verb,
            "resource": self.resource,
            "subresource": self.subresource,
            "namespace": self.namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }
        return json.dumps(review).encode()

    def denied(self, reason: str = "") -> BlindSpot:
        """For a "no": what is not seen then, and the rule that is missing."""
        why = f"you may not {self.verb} {self.what} in namespace {self.namespace}"
        return BlindSpot(
            what=f"the pods of namespace {self.namespace} from inside",
            why=f"{why} ({reason})" if reason else why,
            decide=f"kubectl auth can-i {self.verb} {self.what} -n {self.namespace}",
        )


def port_forward_permissions(namespace: str, version: str = "") -> tuple[Permission, ...]:
    """What a tunnel needs: `get` for the WebSocket's GET, and from Kubernetes 1.35 on `create` as well.

    `version`: of the API server (`v1.33.1`). One that does not tell its version is only asked for the verb that each
    of them wants: a "no" to the other could be a false one.
    """
    verbs = ("get", "create") if _minor(version) >= _CREATE_SINCE else ("get",)
    return tuple(Permission(verb, "pods", "portforward", namespace) for verb in verbs)


def _minor(version: str) -> int:
    found = _VERSION.match(version)
    return int(found[1]) if found else 0


class Reviewer(Protocol):
    """Who answers a review: a Connection."""

    def review(self, question: bytes, deadline: Deadline) -> Answer: ...


def ask(server: Reviewer, permission: Permission, deadline: Deadline) -> tuple[May, str]:
    """(what it says, the server's reason)."""
    try:
        answer = server.review(permission.question, deadline)
        said = json.loads(answer.body) if answer.status in _ALLOWED else None
    except (NoAnswer, ValueError):
        return May.UNKNOWN, ""
    allowed = flag_at(said, "status", "allowed")
    if allowed is None or (not allowed and text_at(said, "status", "evaluationError")):
        return May.UNKNOWN, ""
    return (May.YES if allowed else May.NO), text_at(said, "status", "reason")


def denials(server: Reviewer, permissions: Iterable[Permission], deadline: Deadline) -> tuple[BlindSpot, ...]:
    """One for each "no"; none where all is allowed or nothing can be learnt, and then the attempt tells."""
    answers = ((permission, *ask(server, permission, deadline)) for permission in permissions)
    return tuple(permission.denied(reason) for permission, may, reason in answers if may is May.NO)
