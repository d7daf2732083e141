"""The details of a status: google.rpc.Status.details, each an Any, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.wire.protobuf import ProtobufError, bytes_of

if TYPE_CHECKING:
    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.status import Status

# google/rpc/status.proto: Status.details = 3, repeated google.protobuf.Any
_DETAILS: Final = 3
# More than any server has reason to send; a header that holds them is bounded anyway.
_MOST: Final = 100


async def details_of(status: Status, types: Types) -> tuple[str, ...]:
    """One line of JSON each, with its @type; bytes that are no Any are left out."""
    try:
        found = list(bytes_of(status.details, _DETAILS))[:_MOST]
    except ProtobufError:
        return ()
    return tuple([text for each in found if (text := await _decoded(each, types)) is not None])


async def _decoded(data: bytes, types: Types) -> str | None:
    from google.protobuf.any_pb2 import Any
    from google.protobuf.message import DecodeError

    from grpcdoctor.client.errors import ClientError
    from grpcdoctor.client.formats.json_writer import to_json

    detail = Any()
    try:
        detail.ParseFromString(data)
        return await types.settle(lambda: to_json(detail, types, json_names="camel", compact=True))
    except (DecodeError, ClientError):
        return None
