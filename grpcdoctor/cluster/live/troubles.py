"""Troubles: what keeps an HTTP answer from coming, in plain words and with what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from http.client import IncompleteRead
from typing import Final


class NoAnswer(Exception):  # noqa: N818 it is what happened
    """No HTTP answer came. `passing`: another attempt may well have one."""

    def __init__(self, text: str, passing: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.passing = passing


# OpenSSL's X509_V_ERR_*, as in `verify_code`.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNTRUSTED: Final = frozenset((2, 18, 19, 20, 21))
_OTHER_NAME: Final = frozenset((62, 64))

_ERRNO_WORDS: Final = {
    errno.ECONNREFUSED: "nothing listens at {address} (connection refused); does the cluster run, is the port right?",
    errno.EHOSTUNREACH: "{address} cannot be reached (no route to host); is a VPN needed?",
    errno.ENETUNREACH: "{address} cannot be reached (network unreachable); is a VPN needed?",
}
# Pieces of OpenSSL's `reason`, most telling first.
_TLS_WORDS: Final = (
    ("WRONG_VERSION_NUMBER", "{address} does not speak TLS; is its URL http:// instead of https://?"),
    ("HTTP_REQUEST", "{address} does not speak TLS; is its URL http:// instead of https://?"),
    ("CERTIFICATE_REQUIRED", "{address} wants a client certificate; the user in the kubeconfig has none"),
    ("CERTIFICATE_EXPIRED", "{address} says that the client certificate in the kubeconfig has expired; log in anew"),
    ("UNKNOWN_CA", "{address} does not trust the client certificate in the kubeconfig; write the kubeconfig anew"),
    ("BAD_CERTIFICATE", "{address} refuses the client certificate in the kubeconfig; write the kubeconfig anew"),
    ("KEY_VALUES_MISMATCH", "the client certificate and the key in the kubeconfig do not belong together"),
    ("PEM", "a certificate or key that the kubeconfig names is no PEM file; write the kubeconfig anew"),
)


def no_answer(error: BaseException, address: str) -> NoAnswer:
    """The trouble that an exception of urllib3, http.client, ssl or the system means. Its own text is not shown."""
    from urllib3 import exceptions as failures

    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, ssl.SSLCertVerificationError):
            return NoAnswer(_untrusted(one, address))
    if any(isinstance(one, failures.ProxyError) for one in chain):
        return NoAnswer(f"the proxy on the way to {address} fails; see HTTPS_PROXY, NO_PROXY and proxy-url", True)
    for one in chain:
        # Cut off within TLS is as passing as cut off without it.
        if isinstance(one, ssl.SSLError) and not isinstance(one, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            return NoAnswer(_no_tls(one, address))
    for one in chain:
        if isinstance(one, socket.gaierror):
            return NoAnswer(f"the name in {address} does not resolve; is a VPN needed, is `server` right?", True)
        if isinstance(one, OSError) and one.errno in _ERRNO_WORDS:
            return NoAnswer(_ERRNO_WORDS[one.errno].format(address=address), True)
    for one in chain:
        if isinstance(one, failures.ReadTimeoutError):
            return NoAnswer(f"no answer from {address} in time", True)
        if isinstance(one, (failures.ConnectTimeoutError, TimeoutError)):
            return NoAnswer(f"no connection to {address} in time; a firewall, or a VPN that is needed?", True)
    if isinstance(error, (failures.LocationValueError, ValueError)):
        return NoAnswer(f"the URL of the server in the kubeconfig is malformed: {address}")
    if any(isinstance(one, (failures.IncompleteRead, IncompleteRead)) for one in chain):
        return NoAnswer(f"the connection to {address} broke off in the middle of an answer", True)
    return NoAnswer(f"the connection to {address} broke off before an answer", True)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what it came from; urllib3 keeps some causes in `args` only."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        one = todo.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def _untrusted(error: ssl.SSLCertVerificationError, address: str) -> str:
    start = f"the certificate of {address} is not accepted: "
    if error.verify_code in _OTHER_NAME:
        return start + "it is for another name; use a `server` that it names, or set tls-server-name in the kubeconfig"
    if error.verify_code == _EXPIRED:
        return start + "it has expired (or a clock is wrong); renew it"
    if error.verify_code == _NOT_YET_VALID:
        return start + "it is not valid yet: a clock is wrong"
    if error.verify_code in _UNTRUSTED:
        return start + "no CA in the kubeconfig signed it; write the kubeconfig anew, or a proxy opens the TLS"
    return start + f"{error.verify_message}; does kubectl accept it?"


def _no_tls(error: ssl.SSLError, address: str) -> str:
    reason = (error.reason or "").upper()
    for piece, words in _TLS_WORDS:
        if piece in reason:
            return words.format(address=address)
    return f"TLS with {address} fails ({reason or type(error).__name__}); does kubectl reach it?"
