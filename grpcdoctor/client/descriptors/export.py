"""Descriptors written out again: as a descriptor set, and as proto sources."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from grpcdoctor.client.descriptors.originals import original_of
from grpcdoctor.client.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpcdoctor.client.call import DescriptorSource


async def protoset_of(source: DescriptorSource, symbols: Sequence[str]) -> bytes:
    """A serialized FileDescriptorSet of the files of these symbols and their imports, imports first. Raises what the
    source raises."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    files = await source.files_of(symbols)
    return FileDescriptorSet(file=[original_of(file) for file in files]).SerializeToString()


async def proto_sources_of(source: DescriptorSource, symbols: Sequence[str]) -> dict[str, str]:
    """The same files as proto source, by their names. Raises what the source raises."""
    from grpcdoctor.client.printing.proto_file import file_source_of

    return {file.name: file_source_of(file) for file in await source.files_of(symbols)}


def path_inside(folder: str, name: str) -> str:
    """Where a file of this name belongs in `folder`. The name is a server's: raises SchemaError where it leads out."""
    path = os.path.normpath(os.path.join(folder, name))
    inside = os.path.relpath(path, folder)
    if os.path.isabs(name) or "\0" in name or inside == os.curdir or inside.split(os.sep)[0] == os.pardir:
        raise SchemaError(f"the file name {name!r} leads out of the folder {folder}: it is not written")
    return path
