"""Where an element is declared: a file, or a message in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grpcdoctor.client.printing import tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

    from grpcdoctor.client.printing.locations import Path


@dataclass(frozen=True, slots=True)
class Scope:
    """`name`: the package, or the message's full name. `messages`: declared here, at `path` and `message_tag`."""

    name: str
    path: Path
    messages: Sequence[DescriptorProto]
    message_tag: int
    extension_tag: int

    def full_name(self, name: str) -> str:
        return f"{self.name}.{name}" if self.name else name

    def message_of(self, field: FieldDescriptorProto) -> tuple[int, DescriptorProto] | None:
        """(index, message) of a field's type, where that is declared here: a group's, a map's entries."""
        for index, message in enumerate(self.messages):
            if field.type_name.removeprefix(".") == self.full_name(message.name):
                return index, message
        return None


def file_scope(file: FileDescriptorProto) -> Scope:
    return Scope(file.package, (), file.message_type, tags.FILE_MESSAGE, tags.FILE_EXTENSION)


def message_scope(full_name: str, message: DescriptorProto, path: Path) -> Scope:
    return Scope(full_name, path, message.nested_type, tags.MESSAGE_NESTED, tags.MESSAGE_EXTENSION)
