"""gRPC's length-prefixed messages and its percent-encoded status message (gRPC over HTTP/2, "Responses")."""

from __future__ import annotations

PREFIX_LENGTH = 5


def frame_message(payload: bytes) -> bytes:
    """One uncompressed message."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def split_messages(body: bytes) -> tuple[list[bytes], bytes]:
    """(complete messages' payloads, what is left over). A compressed message is kept as it came."""
    messages: list[bytes] = []
    position = 0
    while len(body) - position >= PREFIX_LENGTH:
        length = int.from_bytes(body[position + 1 : position + PREFIX_LENGTH], "big")
        end = position + PREFIX_LENGTH + length
        if body[position] > 1 or end > len(body):
            break
        messages.append(body[position + PREFIX_LENGTH : end])
        position = end
    return messages, body[position:]


def decode_status_message(value: str) -> str:
    """Percent-decoded; bytes that are no UTF-8 stay visible as replacement characters."""
    if "%" not in value:
        return value
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(value).decode("utf-8", "replace")
