"""Securing: TLS with ALPN on a connected stream, or a ConnectError that says what the peer did instead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.client.errors import ConnectError, Stage
from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.model.codes import TlsAlert, name_of
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.first_bytes import spoken_by
from grpcdoctor.wire.handshake import Shaken, shake_hands
from grpcdoctor.wire.stream import ByteStream
from grpcdoctor.wire.tls import ContextError, TlsClient, TlsSettings, TlsStream

if TYPE_CHECKING:
    from grpcdoctor.model.facts.tls import Handshake

_LEAST_PATIENCE, _MOST_PATIENCE = 0.05, 1.0
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
_WRONG_NAME: Final = (62, 64)

_SPOKEN_WORDS: Final = {
    "http/1.1": "the port speaks HTTP in plaintext, not TLS",
    "h2": "the port speaks HTTP/2 in plaintext, not TLS",
    "ssh": "an SSH server answers, not TLS",
    "garbage": "what answers is not TLS",
}
_ALERT_WORDS: Final[dict[int, str]] = {
    TlsAlert.CERTIFICATE_REQUIRED: "the server requires a client certificate",
    TlsAlert.BAD_CERTIFICATE: "the server refuses the client certificate",
    TlsAlert.UNKNOWN_CA: "the server does not trust the issuer of the client certificate",
    TlsAlert.CERTIFICATE_EXPIRED: "the server says that the client certificate has expired",
    TlsAlert.UNRECOGNIZED_NAME: "the server knows no such server name",
    TlsAlert.PROTOCOL_VERSION: "the server speaks no TLS version of ours (1.2 and 1.3)",
    TlsAlert.HANDSHAKE_FAILURE: "the server found no cipher, name or client certificate that suits it",
}


class Secured(NamedTuple):
    """The encrypted stream, nothing said on it yet."""

    stream: TlsStream
    handshake: Handshake
    client: TlsClient

    @property
    def patience(self) -> float:
        """Seconds to listen before we speak: a server that asked for a certificate may be about to refuse ours, or
        none, and in TLS 1.3 says so only after the handshake."""
        if not self.client.client_certificate_requested:
            return 0.0
        return min(max(_LEAST_PATIENCE, 2 * self.handshake.duration_ms / 1000), _MOST_PATIENCE)


async def secure(
    stream: ByteStream, options: ChannelOptions, offered: tuple[str, ...], address: str, deadline: Deadline
) -> Secured:
    """Handshake; one of `offered` (ALPN) is spoken afterwards. Raises ConnectError."""
    settings = TlsSettings(
        verify=not options.insecure,
        offered=offered,
        cacert=None if options.insecure else options.cacert,
        cert=options.cert,
        key=options.key,
        key_log=os.environ.get("SSLKEYLOGFILE") or None,
    )
    name = options.target.verify_name
    try:
        shaken = await shake_hands(stream, settings, name, deadline)
    except ContextError as unusable:
        raise ConnectError(Stage.TLS, str(unusable), address) from unusable
    handshake = shaken.handshake
    if shaken.stream is None or shaken.client is None:
        stage = Stage.ALPN if handshake.alert == TlsAlert.NO_APPLICATION_PROTOCOL else Stage.TLS
        words = _alpn_words(offered) if stage is Stage.ALPN else _tls_words(handshake, shaken, name)
        raise ConnectError(stage, words, address, timed_out=handshake.result == "timeout")
    if handshake.selected is None and "http/1.1" not in offered and _alpn_enforced():
        raise ConnectError(
            Stage.ALPN,
            f"TLS works ({handshake.version}), but the server selects no ALPN protocol, so it may not speak HTTP/2: "
            "whatever terminates TLS there must offer h2",
            address,
        )
    return Secured(shaken.stream, handshake, shaken.client)


def alert_words(alert: int) -> str:
    """What the peer means by this alert, and its name."""
    name = f"TLS alert {name_of(TlsAlert, alert).lower()}"
    return f"{_ALERT_WORDS[alert]} ({name})" if alert in _ALERT_WORDS else f"the server refuses: {name}"


def _alpn_enforced() -> bool:
    """grpc-go's variable, for servers behind TLS terminators that know no ALPN."""
    return os.environ.get("GRPC_ENFORCE_ALPN_ENABLED", "").lower() != "false"


def _alpn_words(offered: tuple[str, ...]) -> str:
    return f"over TLS the server does not speak {' or '.join(offered)} (TLS alert no_application_protocol)"


def _tls_words(handshake: Handshake, shaken: Shaken, name: str) -> str:
    result = handshake.result
    if result == "not-tls":
        return _SPOKEN_WORDS[_spoken(handshake)]
    if result == "verify-failed":
        return f"certificate verification failed: {_verify_words(handshake, shaken, name)}"
    if result == "alert" and handshake.alert is not None:
        return alert_words(handshake.alert)
    if result == "timeout":
        return "no answer to the TLS handshake in time"
    if result == "closed":
        requested = shaken.client is not None and shaken.client.client_certificate_requested
        asked = "; it had asked for a client certificate" if requested else "; it may not speak TLS on this port"
        return f"the server closed the connection during the TLS handshake{asked}"
    return f"TLS handshake failed: {handshake.error}"


def _spoken(handshake: Handshake) -> str:
    spoken = spoken_by(bytes.fromhex(handshake.first_bytes))
    return spoken if spoken in _SPOKEN_WORDS else "garbage"


def _verify_words(handshake: Handshake, shaken: Shaken, name: str) -> str:
    message = handshake.verify_message or "unknown reason"
    if handshake.verify_code not in _WRONG_NAME or shaken.client is None:
        return message
    from time import time

    from grpcdoctor.wire.certificates import read_certificate

    sent = shaken.client.chain()
    names = read_certificate(sent[0], int(time() // 86400)).names if sent else ()
    return f'it is not for "{name}" but for {", ".join(names) or "no name at all"}'
