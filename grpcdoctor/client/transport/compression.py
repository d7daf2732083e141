"""Message compression (gRPC over HTTP/2, "Compression"): gzip and deflate, with a bound on what comes out."""

from __future__ import annotations

from typing import Final

from grpcdoctor.client.errors import ClientError

# zlib's window bits: 31 reads and writes gzip, 15 the zlib format, which is HTTP's "deflate" (RFC 9110 §8.4.1.2).
_WINDOW_BITS: Final = {"gzip": 31, "deflate": 15}
# gzip members may follow each other (RFC 1952 §2.2); nobody sends more than a few, and each costs a copy of the rest.
_MEMBERS_LIMIT: Final = 100
ACCEPTED: Final = "identity,deflate,gzip"


class CompressionError(Exception):
    """The bytes are not of this encoding."""


class TooLargeError(Exception):
    """They would be more than is allowed."""


def is_known(encoding: str) -> bool:
    """Whether messages of this encoding can be read."""
    return encoding in _WINDOW_BITS


def check_encoding(encoding: str | None) -> None:
    """Raises ClientError where requests cannot be compressed like that."""
    if encoding is not None and encoding not in _WINDOW_BITS:
        raise ClientError(f"requests cannot be compressed with {encoding!r}; known are {', '.join(_WINDOW_BITS)}")


def compress(encoding: str, data: bytes) -> bytes:
    import zlib

    packer = zlib.compressobj(wbits=_WINDOW_BITS[encoding])
    return packer.compress(data) + packer.flush()


def decompress(encoding: str, data: bytes, limit: int) -> bytes:
    """Raises CompressionError, and TooLargeError before more than `limit` bytes are unpacked."""
    import zlib

    whole = bytearray()
    rest = data
    try:
        for _ in range(_MEMBERS_LIMIT):
            unpacker = zlib.decompressobj(wbits=_WINDOW_BITS[encoding])
            whole += unpacker.decompress(rest, limit - len(whole) + 1)
            if len(whole) > limit:
                raise TooLargeError
            if not unpacker.eof:
                raise CompressionError("unexpected EOF")
            rest = unpacker.unused_data
            if not rest:
                return bytes(whole)
    except zlib.error as broken:
        raise CompressionError(f"these bytes are no {encoding} ({broken})") from broken
    raise CompressionError(f"more than {_MEMBERS_LIMIT} members")
