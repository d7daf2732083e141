"""Methods that should not run twice, as far as their names say."""

from __future__ import annotations

import re
from typing import Final

from grpcdoctor.checks.policies._http import GrpcRoute
from grpcdoctor.cluster.routes import PathKind

_WRITING: Final = frozenset(
    ("create", "charge", "pay", "submit", "transfer", "place", "send", "add", "insert", "book", "purchase", "buy",
     "refund", "withdraw", "deposit", "debit", "credit", "increment", "append", "enqueue", "publish", "issue", "mint")
)  # fmt: skip
_MONEY: Final = frozenset(
    ("payment", "payments", "billing", "payout", "payouts", "checkout", "transfer", "transfers", "ledger", "charges")
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def writing_name(route: GrpcRoute) -> str | None:
    """The path or Service whose name says that a second call does a second thing: `/pay.Payments/Charge`."""
    matches = route.rule.matches
    for match in matches:
        method = match.value.rpartition("/")[2]
        if method and match.looks_like_grpc and next(iter(_words(method)), "") in _WRITING:
            return match.value
    if matches and all(match.kind == PathKind.EXACT for match in matches):
        return None
    names = [match.value for match in matches if match.looks_like_grpc]
    names += [backend.host.rpartition("/")[2].partition(".")[0] for backend in route.rule.backends]
    return next((name for name in names if _MONEY & set(_words(name))), None)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text[:300])]
