"""The messages of the reflection service, without its generated code: 20 ms that no command has to pay.

https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import RpcError, SchemaError
from grpcdoctor.client.status import Status
from grpcdoctor.wire.protobuf import (
    ProtobufError,
    bytes_of,
    field,
    integer_field,
    integer_of,
    packed_integers,
    read_fields,
    text,
)

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

# ServerReflectionRequest
_FILE_BY_FILENAME: Final = 3
_FILE_CONTAINING_SYMBOL: Final = 4
_FILE_CONTAINING_EXTENSION: Final = 5
_ALL_EXTENSION_NUMBERS: Final = 6
_LIST_SERVICES: Final = 7
# ServerReflectionResponse
_FILE_DESCRIPTORS: Final = 4
_EXTENSION_NUMBERS: Final = 5
_SERVICES: Final = 6
_ERROR: Final = 7
# More than any real schema has of each.
_SERVICES_LIMIT: Final = 100_000
_EXTENSIONS_LIMIT: Final = 10_000  # of one message; each is one question
_IMPORTS_LIMIT: Final = 1000  # of one file; each may be one question
# https://protobuf.dev/programming-guides/proto3/#assigning
_FIELD_NUMBERS: Final = range(1, 1 << 29)


def services_question() -> bytes:
    return field(_LIST_SERVICES, b"*")


def file_question(name: str) -> bytes:
    return field(_FILE_BY_FILENAME, _bytes(name))


def symbol_question(name: str) -> bytes:
    return field(_FILE_CONTAINING_SYMBOL, _bytes(name))


def extension_question(message: str, number: int) -> bytes:
    # ExtensionRequest: containing_type = 1, extension_number = 2
    return field(_FILE_CONTAINING_EXTENSION, field(1, _bytes(message)) + integer_field(2, number))


def extension_numbers_question(message: str) -> bytes:
    return field(_ALL_EXTENSION_NUMBERS, _bytes(message))


def _bytes(name: str) -> bytes:
    """A command line may hold what is no UTF-8: the server knows no such name."""
    return name.encode(errors="replace")


def files_in(answer: bytes) -> list[FileDescriptorProto]:
    """The files of an answer, first the one that was asked for. Raises RpcError for an error response (NOT_FOUND where
    there is no such file), SchemaError for bytes that are none, and for a file that no real schema has."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.message import DecodeError

    content = _content(answer, _FILE_DESCRIPTORS)
    try:
        files = [FileDescriptorProto.FromString(serialized) for serialized in bytes_of(content, 1)]
    except (ProtobufError, DecodeError) as broken:
        raise SchemaError(f"reflection's answer cannot be read: {broken}") from broken
    if any(len(file.dependency) > _IMPORTS_LIMIT for file in files):
        raise SchemaError(f"a file of the schema imports more than {_IMPORTS_LIMIT} others")
    return files


def services_in(answer: bytes) -> list[str]:
    """ListServiceResponse.service = 1; ServiceResponse.name = 1. Raises as `files_in`."""
    try:
        services = list(bytes_of(_content(answer, _SERVICES), 1))[:_SERVICES_LIMIT]
        return [text(next(bytes_of(service, 1), b"")) for service in services]
    except ProtobufError as broken:
        raise SchemaError(f"reflection's answer cannot be read: {broken}") from broken


def extension_numbers_in(answer: bytes) -> list[int]:
    """ExtensionNumberResponse.extension_number = 2, packed or not; each once, and no more than can be asked for. Raises
    as `files_in`."""
    content = _content(answer, _EXTENSION_NUMBERS)
    numbers: list[int] = []
    try:
        for number, value in read_fields(content):
            if number == 2:
                numbers += packed_integers(value) if isinstance(value, bytes) else [value]
    except ProtobufError as broken:
        raise SchemaError(f"reflection's answer cannot be read: {broken}") from broken
    possible = dict.fromkeys(number for number in numbers if number in _FIELD_NUMBERS)
    return list(possible)[:_EXTENSIONS_LIMIT]


def _content(answer: bytes, wanted: int) -> bytes:
    """ErrorResponse: error_code = 1, error_message = 2."""
    try:
        for failure in bytes_of(answer, _ERROR):
            message = text(next(bytes_of(failure, 2), b""))
            raise RpcError(Status(integer_of(failure, 1), message))
        found = next(bytes_of(answer, wanted), None)
    except ProtobufError as broken:
        raise SchemaError(f"reflection's answer cannot be read: {broken}") from broken
    if found is None:
        raise SchemaError("reflection answered something else than was asked")
    return found
