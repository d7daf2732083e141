"""What of a user's metadata is sent, and what of it cannot be: grpc-go's rules, which are gRPC's.

gRPC over HTTP/2, "Custom-Metadata"; grpc-go internal/metadata (ValidatePair) and internal/transport (isReservedHeader).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

# The client sends these itself; the user's are dropped in silence.
_RESERVED: Final = frozenset(
    {
        "content-type", "grpc-encoding", "grpc-message", "grpc-message-type", "grpc-status", "grpc-timeout", "te",
        "user-agent",
    }
)  # fmt: skip
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def trouble_with(metadata: Headers) -> str | None:
    """Why this metadata cannot be sent, in grpc-go's words; None where it can."""
    for name, value in metadata:
        if not name:
            return "there is an empty key in the header"
        if not _NAME_CHARACTERS.issuperset(name):
            return f'header key "{name}" contains illegal characters not in [0-9a-z-_.]'
        if not name.endswith("-bin") and not all(" " <= character <= "~" for character in value):
            return f'header key "{name}" contains value with non-printable ASCII characters'
    return None


def sendable(metadata: Headers) -> Headers:
    """Without the names that are the client's own."""
    return tuple(pair for pair in metadata if pair[0] not in _RESERVED)
