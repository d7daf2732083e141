"""Short ways to say common things in a check, so that sixty rules say them alike."""

from __future__ import annotations

from grpcdoctor.model.facts.tls import Handshake


def alpn_triple(handshake: Handshake, spoken: str | None) -> str:
    """`offered h2 · selected none · spoken http/1.1`: the three facts about ALPN that belong together."""
    offered = ",".join(handshake.offered) or "nothing"
    return f"offered {offered} · selected {handshake.selected or 'none'} · spoken {spoken or 'unknown'}"


def milliseconds(value: float) -> str:
    """`0.4 ms`, `12 ms`, `3.0 s`."""
    if value >= 999.5:
        return f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if value < 9.95 else f"{value:.0f} ms"
