"""A file that is printed: its proto, what it sees of other files, and the pool that knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.descriptors.originals import original_of
from grpcdoctor.client.printing.full_names import write_full_names
from grpcdoctor.client.printing.locations import Locations

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
    from google.protobuf.message import Message


class Schema:
    """`visible`: the names of the file itself, its imports, and what those import publicly."""

    def __init__(self, file: FileDescriptor) -> None:
        self.proto = original_of(file)
        self.pool = file.pool
        write_full_names(self.proto, self._has_type)
        self.package = self.proto.package
        self.is_proto2 = self.proto.syntax in ("", "proto2")
        # edition 2023 and later write reserved names bare
        self.quotes_reserved_names = not self.proto.HasField("edition")
        self.locations = Locations(self.proto)
        self.visible = _visible_files(file)

    def enum(self, full_name: str) -> EnumDescriptor:
        return self.pool.FindEnumTypeByName(full_name)

    def message(self, full_name: str) -> Descriptor | None:
        """None where there is none in the pool, or in none of the files that are visible."""
        try:
            found = self.pool.FindMessageTypeByName(full_name)
        except KeyError:
            return None
        return found if found.file.name in self.visible else None

    def _has_type(self, full_name: str) -> bool:
        for find in (self.pool.FindMessageTypeByName, self.pool.FindEnumTypeByName):
            try:
                find(full_name)
            except KeyError:
                continue
            return True
        return False

    def parse_extensions(self, options: Message) -> Message | None:
        """`options` as a message of the pool, which knows the extensions; None where it has no such message, or where
        they cannot be read."""
        from google.protobuf.message import DecodeError
        from google.protobuf.message_factory import GetMessageClass

        try:
            descriptor = self.pool.FindMessageTypeByName(options.DESCRIPTOR.full_name)
        except KeyError:
            return None
        parsed = GetMessageClass(descriptor)()
        try:
            parsed.ParseFromString(options.SerializePartialToString())
        except DecodeError:
            return None
        return parsed


def _visible_files(file: FileDescriptor) -> frozenset[str]:
    seen = {file.name: file}
    waiting = list(file.dependencies)
    while waiting:
        imported = waiting.pop()
        if imported.name not in seen:
            seen[imported.name] = imported
            waiting += imported.public_dependencies
    return frozenset(seen)
