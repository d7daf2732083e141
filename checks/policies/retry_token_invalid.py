"""retry-token-invalid: `retryOn` holds a word that Istio does not know."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.policies._http import (
    GRPC_TOKENS,
    OTHER_TOKENS,
    STATUS_TOKENS,
    TRANSPORT_TOKENS,
    GrpcRoute,
    is_accepted,
    virtual_routes,
)
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD711",
    name="retry-token-invalid",
    severity=Severity.ERROR,
    title="retryOn holds a word that Istio refuses",
)
READS = ROUTE_KINDS

_KNOWN: Final = GRPC_TOKENS | STATUS_TOKENS | TRANSPORT_TOKENS | OTHER_TOKENS
# What Go's net/http has a text for.
_STATUSES: Final = frozenset(
    (*range(100, 104), *range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 419), *range(421, 427), 428, 429,
     431, 451, *range(500, 509), 510, 511)
)  # fmt: skip
_LONGEST: Final = 500


def check(cluster: Cluster) -> Iterator[Conclusion]:
    for route in virtual_routes(cluster):
        written = text_at(route.raw, "retries", "retryOn")[:_LONGEST]
        wrong = [part for part in written.split(",") if not _is_known(part)] if written else []
        if wrong:
            yield _finding(cluster, route, written, wrong)


def _finding(cluster: Cluster, route: GrpcRoute, written: str, wrong: list[str]) -> Conclusion:
    path = (*route.path, "retries", "retryOn")
    accepted = is_accepted(cluster, route.object)
    only_spaces = all(_is_known(part.strip()) for part in wrong)
    listed = ", ".join(f'"{part}"' for part in wrong[:3])
    right = _right(written)
    edit = Edit(route.object)
    fix = edit.set(path, right).fix(f"Write retryOn: {right}") if right else edit.remove(path).fix("Remove retryOn")
    return about(
        RULE,
        route.object,
        path,
        f"{route.title} has {listed} in retryOn, which Istio refuses" + (": no spaces there" if only_spaces else ""),
        symptom="It was taken all the same, and Envoy ignores words that it does not know: such errors are not retried."
        if accepted
        else f"kubectl apply fails with: {listed} is not a valid retryOn policy. No change of this object takes "
        "effect.",
        evidence=route.proof,
        fixes=(fix,),
        severity=(Severity.INFO if only_spaces else Severity.WARNING) if accepted else None,
        related=route.services,
    )


def _is_known(token: str) -> bool:
    return token in _KNOWN or (token.isascii() and token.isdigit() and len(token) == 3 and int(token) in _STATUSES)


def _right(written: str) -> str:
    """The same list in words that are taken: `UNAVAILABLE` and `grpc_unavailable` are `unavailable`."""
    found: list[str] = []
    for part in written.split(","):
        word = part.strip().lower().replace("_", "-").removeprefix("grpc-")
        if not _is_known(word):
            word = next(iter(get_close_matches(word, sorted(_KNOWN), n=1, cutoff=0.8)), "")
        if word and word not in found:
            found.append(word)
    return ",".join(found)
