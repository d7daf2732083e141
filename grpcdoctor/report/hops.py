"""The protocol on every hop of a request, and who decided it, in words."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.report import DecidedBy, Hop

# Deciders on the wire; every other kind is an object with a field.
_NEGOTIATED: Final = {"ALPN": "ALPN selected {}", "prior knowledge": "prior knowledge, answered in {}"}


def chain(hops: tuple[Hop, ...]) -> list[str]:
    """`client`, `—h2, TLSv1.3→ gateway`, `—http/1.1, plaintext→ pod`: one piece a leg, to be wrapped between them."""
    pieces: list[str] = []
    end = None
    for hop in hops:
        who, _, where = hop.source.partition(" at ")
        if end is not None and where == end:
            pieces.append(f"({who})")  # the same node, now known by what it is
        elif hop.source != end:
            pieces.append(hop.source)
        pieces.append(f"{arrow(hop)} {hop.destination}")
        end = hop.destination
    return pieces


def arrow(hop: Hop) -> str:
    if hop.protocol == "unknown" and hop.decided_by is None:
        return "—not visible from here→"
    return f"—{hop.protocol}, {hop.tls or 'plaintext'}→"


def reason(decided_by: DecidedBy) -> str:
    """`ALPN selected h2`, `Service prod/greeter spec.ports[0].name is http-main`."""
    if decided_by.kind == "prior knowledge" and decided_by.value == "h2":
        return "prior knowledge"
    if decided_by.kind in _NEGOTIATED and decided_by.value is not None:
        return _NEGOTIATED[decided_by.kind].format(decided_by.value)
    named = "/".join(part for part in (decided_by.namespace, decided_by.name) if part)
    what = " ".join(part for part in (decided_by.kind, named, decided_by.field) if part)
    if decided_by.value is None:
        return what
    return f"{what} is {decided_by.value}" if named or decided_by.field else f"{what}: {decided_by.value}"
