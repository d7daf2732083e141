"""What a ConnectError already says of its cause: the rule that documents it, and what to do about it.

The words are those of client/transport (dialling, securing, http2_opening). What is not in the table is told apart only
by a probe: a certificate whose issuer is unknown, say, where an intermediate may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import ConnectError, Stage

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions


@dataclass(frozen=True, slots=True)
class _Known:
    stage: Stage
    words: str
    """In the error; empty: whatever it says."""
    rule: str
    """Its module under grpcdoctor.checks."""
    advice: str


_KNOWN: Final = (
    _Known(Stage.DNS, "", "reach.dns_failure", "is it spelled right, and known to the DNS of this machine?"),
    _Known(Stage.TCP, "connection refused", "reach.tcp_refused", "does the server run, on this port and address?"),
    _Known(Stage.TCP, "no answer in time", "reach.tcp_timeout", "a firewall drops it, or nothing has that address"),
    _Known(Stage.TCP, "unreachable", "reach.tcp_unreachable", "no route leads there, or a firewall says so"),
    _Known(Stage.PROXY, "", "reach.proxy_tunnel_refused", "--no-proxy goes past it"),
    _Known(Stage.TLS, "HTTP/2 in plaintext", "tls.tls_expected_plaintext_found", "ask it with --plaintext"),
    _Known(Stage.TLS, "certificate has expired", "tls.certificate_expired", "it has to be renewed"),
    _Known(Stage.TLS, "certificate is not yet valid", "tls.certificate_not_yet_valid", "or a clock is wrong"),
    _Known(Stage.TLS, "it is not for", "tls.certificate_name_mismatch", "ask it by a name that it is for"),
    _Known(Stage.TLS, "no TLS version of ours", "tls.tls_version_too_old", "gRPC needs TLS 1.2 or newer"),
    _Known(Stage.ALPN, "no ALPN protocol", "tls.alpn_missing", "whatever terminates TLS there must offer h2"),
    _Known(Stage.HTTP2, "the port speaks TLS", "tls.plaintext_expected_tls_found", "ask it without --plaintext"),
)
_CLIENT_CERTIFICATE: Final = "client certificate"
_REQUIRED: Final = _Known(
    Stage.TLS, _CLIENT_CERTIFICATE, "tls.client_certificate_required", "give one with --cert and --key"
)
_REJECTED: Final = _Known(
    Stage.TLS, _CLIENT_CERTIFICATE, "tls.client_certificate_rejected", "give one that its CA has issued"
)


def said_by(error: ConnectError, options: ChannelOptions) -> str | None:
    """The title of the rule that is about it, and what to do; None where a probe could say more."""
    known = _find(error, options)
    if known is None:
        return None
    title: str = import_module(f"grpcdoctor.checks.{known.rule}").RULE.title
    return f"{title}: {known.advice}"


def _find(error: ConnectError, options: ChannelOptions) -> _Known | None:
    words = str(error)
    about_ours = _CLIENT_CERTIFICATE in words and "cipher" not in words
    if error.stage is Stage.TLS and about_ours:
        return _REQUIRED if options.cert is None else _REJECTED
    return next((known for known in _KNOWN if known.stage is error.stage and known.words in words), None)
