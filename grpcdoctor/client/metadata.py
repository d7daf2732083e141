"""Which of a user's metadata cannot be sent: gRPC's rules (gRPC over HTTP/2, "Custom-Metadata") in grpc-go's words
(internal/metadata, ValidatePair)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from grpcdoctor.wire.streams import Headers

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
