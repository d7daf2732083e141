"""sni: is SNI needed? A second handshake without the SNI that the first had, or with one where the first had none."""

from __future__ import annotations

from dataclasses import dataclass

from grpcdoctor.model.facts.tls import Handshake, SniFacts, TlsFacts
from grpcdoctor.wire.handshake import shake_hands
from grpcdoctor.wire.session import NO_STREAM, Measurement, Session
from grpcdoctor.wire.tls import TlsSettings

NAME = "sni"

# Sent where the user's target is an address: it shows whether the presence of a name changes anything. RFC 2606.
SOME_NAME = "sni-test.invalid"
_REFUSALS = frozenset(("alert", "closed", "error"))


def ready(session: Session) -> bool:
    tls = session.get(TlsFacts)
    if tls is None or tls.handshake is None:
        return False
    refused = not tls.completed and tls.handshake.result in _REFUSALS
    return refused or (tls.completed and tls.handshake.server_name is not None)


@dataclass(frozen=True, slots=True)
class _Second:
    handshake: Handshake
    leaf: bytes | None


async def run(session: Session) -> Measurement:
    tls = session.get(TlsFacts)
    assert tls is not None
    assert tls.handshake is not None
    first_had_name = tls.handshake.server_name is not None
    second = await _handshake(session, None if first_had_name else SOME_NAME)
    if second is None:
        return Measurement(SniFacts(), NO_STREAM)
    if not first_had_name:
        return Measurement(SniFacts(with_sni=second.handshake, without_sni=tls.handshake))
    return Measurement(SniFacts(tls.handshake, second.handshake, _same(tls, second.leaf)))


async def _handshake(session: Session, name: str | None) -> _Second | None:
    stream = await session.stream()
    if stream is None:
        return None
    settings = TlsSettings(verify=False, cert=session.options.cert, key=session.options.key)
    shaken = await shake_hands(stream, settings, name, session.step("tls"))
    leaf = next(iter(shaken.client.chain()), None) if shaken.client is not None and shaken.stream is not None else None
    stream.abort()
    return _Second(shaken.handshake, leaf)


def _same(tls: TlsFacts, leaf: bytes | None) -> bool | None:
    if leaf is None or tls.leaf is None:
        return None
    from hashlib import sha256

    return sha256(leaf).hexdigest() == tls.leaf.sha256
