"""Descriptor sets: files as `protoc --descriptor_set_out --include_imports` and `buf build` write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.descriptors.file_source import FileSource
from grpcdoctor.client.descriptors.light_protobuf import prepare_protobuf
from grpcdoctor.client.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.descriptor_pb2 import FileDescriptorProto


def protoset_source(paths: Sequence[str]) -> FileSource:
    """The source of these sets together; of files in several of them the last counts, as with grpcurl. Raises
    SchemaError for what cannot be read, is no FileDescriptorSet, or lacks an import."""
    files: dict[str, FileDescriptorProto] = {}
    for path in paths:
        files.update((file.name, file) for file in _read(path))
    return FileSource(files.values())


def _read(path: str) -> Iterable[FileDescriptorProto]:
    prepare_protobuf()
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.message import DecodeError

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as failed:
        raise SchemaError(f'could not load protoset file "{path}": {failed.strerror}') from failed
    try:
        return FileDescriptorSet.FromString(data).file
    except DecodeError as broken:
        raise SchemaError(
            f'could not parse contents of protoset file "{path}": it is no FileDescriptorSet '
            "(write one with protoc --include_imports --descriptor_set_out)"
        ) from broken
