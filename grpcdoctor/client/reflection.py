"""Descriptors from server reflection: a method's input and output types with everything that they depend on.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.protobuf import ProtobufError, bytes_of, field, text

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

# reflection.proto: ServerReflectionRequest.file_by_filename = 3, .file_containing_symbol = 4;
# ServerReflectionResponse.file_descriptor_response = 4, .error_response = 7
_FILE_BY_FILENAME: Final = 3
_FILE_CONTAINING_SYMBOL: Final = 4
_FILE_DESCRIPTOR_RESPONSE: Final = 4
_ERROR_RESPONSE: Final = 7
# More files than any real service has: a server that invents dependencies ends here.
_FILES_LIMIT: Final = 2000
# Deeper than any real schema imports.
_DEPTH_LIMIT: Final = 200
_WORDS_KEPT: Final = 500

Ask = Callable[[bytes], Awaitable[list[bytes]]]
"""Sends one framed reflection request; returns the payloads of the answer (none where there was no answer)."""


class SchemaError(Exception):
    """No usable schema; the message says why. Part of it is the server's, so it is clipped."""

    def __init__(self, why: str) -> None:
        super().__init__(why[:_WORDS_KEPT])


async def method_descriptor(ask: Ask, service: str, method: str) -> MethodDescriptor:
    """The method with its message types, linked. Raises SchemaError."""
    files = await _fetch(ask, field(_FILE_CONTAINING_SYMBOL, service.encode()), service)
    pool = await _link(ask, files)
    try:
        found = pool.FindServiceByName(service)
    except KeyError as missing:
        raise SchemaError(f"the server's descriptors do not contain {service}") from missing
    descriptor = found.methods_by_name.get(method)
    if descriptor is None:
        known = ", ".join(sorted(found.methods_by_name)[:10])
        raise SchemaError(f"{service} has no method {method}; it has {known}")
    return descriptor


async def _fetch(ask: Ask, request: bytes, what: str) -> dict[str, bytes]:
    """The files of one answer, by name."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.message import DecodeError

    files: dict[str, bytes] = {}
    try:
        for message in await ask(frame_message(request)):
            for failure in bytes_of(message, _ERROR_RESPONSE):
                raise SchemaError(f"reflection does not know {what}: {text(next(bytes_of(failure, 2), b''))}")
            for answer in bytes_of(message, _FILE_DESCRIPTOR_RESPONSE):
                for serialized in bytes_of(answer, 1):
                    proto = FileDescriptorProto.FromString(serialized)
                    _dependencies(proto)
                    files[proto.name] = serialized
    except (ProtobufError, DecodeError) as broken:
        raise SchemaError(f"reflection's answer for {what} cannot be read: {broken}") from broken
    if not files:
        raise SchemaError(f"reflection gave no descriptor of {what}")
    return files


def _dependencies(proto: FileDescriptorProto) -> list[str]:
    """What it imports. protobuf gives names that are no UTF-8 as bytes: raises SchemaError for them."""
    names: list[object] = [proto.name, *proto.dependency]
    if not all(isinstance(name, str) for name in names):
        raise SchemaError("a file name in the server's descriptors is no UTF-8")
    return list(proto.dependency)


async def _link(ask: Ask, files: dict[str, bytes]) -> DescriptorPool:
    """Fetch what is missing and add everything, dependencies first."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

    protos = {name: FileDescriptorProto.FromString(data) for name, data in files.items()}
    waiting = [d for proto in protos.values() for d in proto.dependency if d not in protos]
    while waiting:
        name = waiting.pop()
        if name in protos:
            continue
        for found, data in (await _fetch_file(ask, name)).items():
            protos.setdefault(found, FileDescriptorProto.FromString(data))
            waiting += [d for d in protos[found].dependency if d not in protos]
        if len(protos) > _FILES_LIMIT:
            raise SchemaError(f"the schema has more than {_FILES_LIMIT} files")
    pool = DescriptorPool()
    added: set[str] = set()
    for name in protos:
        _add(pool, protos, name, added, ())
    return pool


async def _fetch_file(ask: Ask, name: str) -> dict[str, bytes]:
    try:
        files = await _fetch(ask, field(_FILE_BY_FILENAME, name.encode()), name)
    except SchemaError:
        well_known = _well_known(name)
        if well_known is None:
            raise
        return {name: well_known}
    if name not in files:
        raise SchemaError(f"reflection answered with another file than {name}")
    return files


def _well_known(name: str) -> bytes | None:
    """google/protobuf/*.proto, which some servers do not hand out, from the protobuf package."""
    from importlib import import_module

    if not name.startswith("google/protobuf/") or not name.endswith(".proto"):
        return None
    module = name.removesuffix(".proto").replace("/", ".") + "_pb2"
    try:
        serialized: bytes = import_module(module).DESCRIPTOR.serialized_pb
    except (ImportError, AttributeError, ValueError):
        return None
    return serialized


def _add(
    pool: DescriptorPool, protos: dict[str, FileDescriptorProto], name: str, added: set[str], path: tuple[str, ...]
) -> None:
    if name in added:
        return
    if name in path:
        raise SchemaError(f"the schema's files depend on each other in a circle: {' -> '.join((*path, name))}")
    if len(path) > _DEPTH_LIMIT:
        raise SchemaError(f"the schema's files import each other more than {_DEPTH_LIMIT} deep")
    proto = protos[name]
    for dependency in proto.dependency:
        _add(pool, protos, dependency, added, (*path, name))
    try:
        pool.Add(proto)
    except Exception as broken:  # the pool raises TypeError, KeyError or its own, by implementation
        raise SchemaError(f"the descriptor of {name} is inconsistent: {broken}") from broken
    added.add(name)
