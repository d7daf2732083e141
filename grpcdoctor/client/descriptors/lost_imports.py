"""Files that do not say what they import.

@grpc/reflection (Node.js) serves what protobufjs keeps of a file, and protobufjs keeps no imports
(grpc/grpc-node#2595), so no linker takes a file that uses a type of another one. But the files come together: what
declares the types that a file uses is what it must have imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto


class Declarations:
    """Which file declares which message and enum."""

    def __init__(self) -> None:
        self._file_of: dict[str, str] = {}
        self._seen: set[str] = set()

    def add(self, files: Iterable[FileDescriptorProto]) -> None:
        """Each file is read once, however often it is added."""
        for file in files:
            if file.name not in self._seen:
                self._seen.add(file.name)
                self._file_of.update((name, file.name) for name in _declared_in(file))

    def with_lost_imports(self, file: FileDescriptorProto) -> FileDescriptorProto | None:
        """A copy of the file that also imports what declares the types that it uses; None where it lacks nothing."""
        used = {self._file_of_type(scope, name) for scope, name in _used_in(file) if isinstance(name, str)}
        lost = sorted(name for name in used - {file.name, *file.dependency} if name is not None)
        if not lost:
            return None
        whole = type(file)()
        whole.CopyFrom(file)
        whole.dependency.extend(lost)
        return whole

    def _file_of_type(self, scope: str, name: str) -> str | None:
        """A name without a leading dot means the innermost type of that name, seen from `scope`
        (https://protobuf.dev/programming-guides/proto3/#name-resolution)."""
        if name.startswith("."):
            return self._file_of.get(name[1:])
        while scope:
            found = self._file_of.get(f"{scope}.{name}")
            if found is not None:
                return found
            scope = scope.rpartition(".")[0]
        return self._file_of.get(name)


def _declared_in(file: FileDescriptorProto) -> Iterator[str]:
    """The full names of its messages and enums."""
    yield from (_inside(file.package, enum.name) for enum in file.enum_type)
    for full_name, message in _messages(file):
        yield full_name
        yield from (_inside(full_name, enum.name) for enum in message.enum_type)


def _used_in(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """(the scope in which it is used, the name as it is written) of every type of a field, extension or method."""
    yield from _used_by(file.extension, file.package)
    for service in file.service:
        for method in service.method:
            yield from ((file.package, name) for name in (method.input_type, method.output_type))
    for full_name, message in _messages(file):
        yield from _used_by(message.field, full_name)
        yield from _used_by(message.extension, full_name)


def _used_by(fields: Iterable[FieldDescriptorProto], scope: str) -> Iterator[tuple[str, str]]:
    for field in fields:
        yield from ((scope, name) for name in (field.type_name, field.extendee) if name)


def _messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """(full name, message) of all messages, nested ones too."""
    waiting: list[tuple[str, Iterable[DescriptorProto]]] = [(file.package, file.message_type)]
    while waiting:
        scope, messages = waiting.pop()
        for message in messages:
            full_name = _inside(scope, message.name)
            yield full_name, message
            waiting.append((full_name, message.nested_type))


def _inside(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name
