"""One TLS handshake as a measured fact: it always returns a Handshake, however the peer behaves."""

from __future__ import annotations

import ssl
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from grpcdoctor.model.target import is_address
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.stream import ByteStream
from grpcdoctor.wire.tls import NotTlsError, TlsClient, TlsSettings, TlsStream, context_for

if TYPE_CHECKING:
    from grpcdoctor.model.facts.tls import Handshake


class Shaken(NamedTuple):
    """The handshake as measured; the stream where it completed; what OpenSSL saw on the way."""

    handshake: Handshake
    stream: TlsStream | None
    client: TlsClient | None


async def shake_hands(below: ByteStream, settings: TlsSettings, name: str | None, deadline: Deadline) -> Shaken:
    """Handshake on a fresh connection. `name` is verified if the settings say so, and sent as SNI unless it is an
    address. Raises ContextError."""
    from grpcdoctor.model.facts.tls import Handshake

    started = monotonic()
    server_name = name if name is not None and not is_address(name) else None
    context = context_for(settings)
    try:
        client = TlsClient(context, name)
    except ValueError as unusable:  # a name that cannot be SNI: empty or too long labels
        failed = Handshake(settings.verify, server_name, settings.offered, result="error", error=str(unusable))
        return Shaken(failed, None, None)
    stream = TlsStream(below, client)
    result, error, verification = "ok", None, None
    try:
        await stream.handshake(deadline)
    except NotTlsError:
        result = "not-tls"
    except TimeoutError:
        result = "timeout"
    except ssl.SSLCertVerificationError as refused:
        result, error, verification = "verify-failed", refused.verify_message, refused
    except ssl.SSLEOFError as closed:
        result, error = "closed", closed.reason
    except ssl.SSLError as refused:
        result, error = ("alert" if client.alerts else "error"), refused.reason or str(refused)
    except (EOFError, OSError) as closed:
        result, error = "closed", type(closed).__name__ if isinstance(closed, ConnectionResetError) else None
    cipher = client.object.cipher() if result == "ok" else None
    handshake = Handshake(
        verified=settings.verify,
        server_name=server_name,
        offered=settings.offered,
        selected=client.object.selected_alpn_protocol() if result == "ok" else None,
        version=client.object.version() if result == "ok" else None,
        cipher=cipher[0] if cipher else None,
        result=result,
        alert=client.alerts[-1] if client.alerts else None,
        verify_code=verification.verify_code if verification is not None else None,
        verify_message=verification.verify_message if verification is not None else None,
        error=error,
        first_bytes=client.first_bytes.hex(),
        duration_ms=(monotonic() - started) * 1000,
    )
    return Shaken(handshake, stream if result == "ok" else None, client)
