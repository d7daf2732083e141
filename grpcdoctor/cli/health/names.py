"""grpc_health_probe's names for what we call otherwise, and the command lines that are all its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_ITS_OWN: Final = frozenset(("addr", "version"))
"""What no command line of ours has: -addr names the server, -version asks for no server at all."""
_OURS: Final = {
    "rpc-header": "--header",
    "tls-no-verify": "--insecure",
    "tls-ca-cert": "--cacert",
    "tls-client-cert": "--cert",
    "tls-client-key": "--key",
    "tls-server-name": "--servername",
}
# The same name in both, which Go's programs take with one dash too.
_SHARED: Final = frozenset(("service", "user-agent", "connect-timeout", "rpc-timeout", "gzip"))
_TLS: Final = frozenset(("-tls", "--tls"))
"""TLS is what we ask for anyway."""


def speaks_as_the_probe(words: Sequence[str]) -> bool:
    """Whether -addr (or -version) is among the words."""
    return any(_name(word) in _ITS_OWN for word in words)


def in_our_names(words: Sequence[str]) -> list[str]:
    """The same words, its flags in our names."""
    return [_ours(word) for word in words if word not in _TLS]


def _ours(word: str) -> str:
    name = _name(word)
    if name in _SHARED:
        return "--" + word.lstrip("-")
    if name in _OURS:
        return _OURS[name] + word.lstrip("-")[len(name) :]
    return word


def _name(word: str) -> str:
    """Of `-name`, `--name` and `-name=value`; "" for what is no flag."""
    if not word.startswith("-"):
        return ""
    return word.removeprefix("-").removeprefix("-").partition("=")[0]
