"""Types by their full names, where a file names them as its author did.

Compilers write full names with a leading dot. Some servers' reflection, such as that of grpc-js, does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

    Knows = Callable[[str], bool]
    """Whether there is a type of this full name."""


def write_full_names(file: FileDescriptorProto, knows: Knows) -> None:
    """Changes `file`. A name that is not found stays as it is."""
    _in_fields(file.extension, file.package, knows)
    for message in file.message_type:
        _in_message(message, file.package, knows)
    for service in file.service:
        for method in service.method:
            method.input_type = _full(method.input_type, file.package, knows)
            method.output_type = _full(method.output_type, file.package, knows)


def _in_message(message: DescriptorProto, scope: str, knows: Knows) -> None:
    inner = f"{scope}.{message.name}" if scope else message.name
    _in_fields(message.field, inner, knows)
    _in_fields(message.extension, inner, knows)
    for nested in message.nested_type:
        _in_message(nested, inner, knows)


def _in_fields(fields: Iterable[FieldDescriptorProto], scope: str, knows: Knows) -> None:
    for field in fields:
        if field.type_name:
            field.type_name = _full(field.type_name, scope, knows)
        if field.extendee:
            field.extendee = _full(field.extendee, scope, knows)


def _full(name: str, scope: str, knows: Knows) -> str:
    """The innermost type of that name: https://protobuf.dev/programming-guides/proto3/#name-resolution."""
    if name.startswith("."):
        return name
    parts = scope.split(".") if scope else []
    candidates = (".".join([*parts[:length], name]) for length in range(len(parts), -1, -1))
    return next((f".{candidate}" for candidate in candidates if knows(candidate)), name)
