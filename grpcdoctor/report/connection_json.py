"""The connection of a call as JSON, the same in every output that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcdoctor.client.connection_facts import ConnectionFacts


def connection_json(facts: ConnectionFacts) -> dict[str, Any]:
    """Where it goes, and what is spoken on it; `tls` is null in plaintext."""
    return {
        "address": facts.address,
        "http_version": facts.http_version,
        "proxy": facts.proxy,
        "tls": _tls(facts),
    }


def _tls(facts: ConnectionFacts) -> dict[str, Any] | None:
    handshake = facts.handshake
    if handshake is None:
        return None
    leaf = facts.certificates[0] if facts.certificates else None
    certificate = None
    if leaf is not None:
        certificate = {
            "subject": leaf.subject,
            "issuer": leaf.issuer,
            "names": list(leaf.names),
            "not_before": leaf.not_before,
            "not_after": leaf.not_after,
        }
    return {
        "version": handshake.version,
        "cipher": handshake.cipher,
        "alpn": handshake.selected,
        "server_name": handshake.server_name,
        "verified": handshake.verified,
        "certificate": certificate,
    }
