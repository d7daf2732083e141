"""What a VirtualService's route asks for, and whether the xDS clients of gRPC do it.

Source: gRFCs A28 (routing), A31 (timeouts), A33 (fault injection), A44 (retries); grpc-go xdsresource/unmarshal_rds.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.istio.virtual_services import VirtualRoute

RETRIED: Final = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
_IGNORED: Final = "gRPC ignores it without a word."
_REAL: Final = "Remove it: call the real method"
_NOT_DONE: Final = "Remove it: proxyless clients do not do it"
_WHOLE: Final = "Remove it, and set `timeout`"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """`what` follows "has", `effect` is a sentence for the client's side, `cure` the summary of a fix."""

    field: str
    path: FieldPath
    what: str
    effect: str
    cure: str
    replacement: str | None = None
    """The value that cures; None: the field is removed."""


def unsupported_in(route: VirtualRoute) -> Iterator[Unsupported]:
    raw, base = route.raw, route.path
    if mapping_at(raw, "redirect") or mapping_at(raw, "directResponse"):
        field = "redirect" if mapping_at(raw, "redirect") else "directResponse"
        effect = "Calls that match fail with UNAVAILABLE: Matching route has inappropriate action."
        yield Unsupported(field, (*base, field), f"a {field}", effect, "Remove it")
    if text_at(raw, "rewrite", "uri") or mapping_at(raw, "rewrite", "uriRegexRewrite"):
        effect = f"{_IGNORED} The server gets the original method: UNIMPLEMENTED, unless it serves that one, too."
        yield Unsupported("rewrite", (*base, "rewrite"), "a rewrite of the path", effect, _REAL)
    elif text_at(raw, "rewrite", "authority"):
        effect = f"{_IGNORED} The server sees the authority that the client dialled."
        yield Unsupported("rewrite", (*base, "rewrite"), "a rewrite of the authority", effect, "Remove it")
    for field, what, effect in _SILENT:
        if raw.get(field):
            yield Unsupported(field, (*base, field), what, f"{_IGNORED} {effect}", _NOT_DONE)
    yield from _of_retries(route)
    yield from _of_matches(route)


_SILENT: Final = (
    ("mirror", "a mirror", "No call is mirrored."),
    ("mirrors", "mirrors", "No call is mirrored."),
    ("headers", "header changes", "Metadata arrive as the client sent them."),
)


def _of_retries(route: VirtualRoute) -> Iterator[Unsupported]:
    retries, path = mapping_at(route.raw, "retries"), (*route.path, "retries")
    attempts = number_at(retries, "attempts")
    if not retries or attempts == 0:
        return
    if text_at(retries, "perTryTimeout"):
        effect = f"{_IGNORED} Only the deadline of the whole call counts."
        yield Unsupported("perTryTimeout", (*path, "perTryTimeout"), "a perTryTimeout", effect, _WHOLE)
    written = text_at(retries, "retryOn")
    tokens = [token.strip() for token in written.lower().split(",") if token.strip()]
    if tokens and not set(tokens) & set(RETRIED):
        effect = "gRPC retries on gRPC statuses alone and ignores the other words: nothing is retried."
        yield Unsupported(
            "retryOn",
            (*path, "retryOn"),
            f'retryOn "{written}"',
            effect,
            "Add a gRPC status",
            ",".join((*tokens, "unavailable")),
        )


def _of_matches(route: VirtualRoute) -> Iterator[Unsupported]:
    """A route whose every match asks for a query parameter: gRPC skips it."""
    matches = list(mappings_at(route.raw, "match"))
    if matches and len(matches) == len(items_at(route.raw, "match")) and all(m.get("queryParams") for _, m in matches):
        path = (*route.path, "match", matches[0][0], "queryParams")
        effect = "gRPC skips such routes: calls take the next one, or fail with UNAVAILABLE: No matching route found."
        yield Unsupported("match", path, "a match on query parameters", effect, "Remove it")
