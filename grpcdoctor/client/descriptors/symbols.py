"""Symbols of a DescriptorPool, of whatever kind, by their full names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import Descriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor

    from grpcdoctor.client.call import AnyDescriptor

# What a pool is asked, commonest first.
_LOOK_UPS: Final = (
    "FindMessageTypeByName",
    "FindServiceByName",
    "FindMethodByName",
    "FindEnumTypeByName",
    "FindFieldByName",
    "FindExtensionByName",
    "FindOneofByName",
)
_HOLDERS: Final = ("containing_service", "containing_type", "type")


def find_symbol(pool: Any, name: str) -> AnyDescriptor | None:
    """A message, service, method, enum, field, extension, oneof or enum value; None where the pool has none such.

    An enum's value is found by the name that C++ scoping gives it (`package.VALUE`) and by the one that people
    write (`package.Enum.VALUE`). What is no UTF-8 is no name.
    """
    name = name.encode(errors="replace").decode()
    for look_up in _LOOK_UPS:
        try:
            found: AnyDescriptor = getattr(pool, look_up)(name)
        except KeyError:
            continue
        return found
    return _enum_value(pool, name)


def _enum_value(pool: Any, name: str) -> EnumValueDescriptor | None:
    scope, _, last = name.rpartition(".")
    value: EnumValueDescriptor | None
    try:
        value = pool.FindEnumTypeByName(scope).values_by_name.get(last)
    except KeyError:
        pass
    else:
        return value
    try:
        file = pool.FindFileContainingSymbol(name)
    except KeyError:
        return None
    return next((enum.values_by_name[last] for enum in _enums_in(file, scope) if last in enum.values_by_name), None)


def _enums_in(file: FileDescriptor, scope: str) -> Iterable[Any]:
    """The enums whose values live in this scope: the file's package, or a message."""
    if scope == file.package:
        return file.enum_types_by_name.values()
    message = next((each for each in _messages(file.message_types_by_name.values()) if each.full_name == scope), None)
    return message.enum_types if message is not None else ()


def _messages(messages: Iterable[Descriptor]) -> Iterator[Descriptor]:
    waiting = list(messages)
    while waiting:
        message = waiting.pop()
        yield message
        waiting += message.nested_types


def extensions_in_pool(message: Descriptor) -> list[FieldDescriptor]:
    """Those of this message that its pool has, by number."""
    # types-protobuf does not know all of a pool's look-ups.
    pool: Any = message.file.pool
    return sorted(pool.FindAllExtensions(message), key=lambda extension: int(extension.number))


def file_of(symbol: AnyDescriptor) -> FileDescriptor:
    """The file in which it is declared; methods, oneofs and enum values only know what holds them."""
    holder: Any = symbol
    if not hasattr(holder, "file"):
        holder = next(getattr(symbol, name) for name in _HOLDERS if hasattr(symbol, name))
    file: FileDescriptor = holder.file
    return file


def names_in(files: Iterable[FileDescriptor]) -> Iterator[str]:
    """The full names of all messages, enums and services."""
    for file in files:
        yield from (service.full_name for service in file.services_by_name.values())
        yield from (enum.full_name for enum in file.enum_types_by_name.values())
        for message in _messages(file.message_types_by_name.values()):
            yield message.full_name
            yield from (enum.full_name for enum in message.enum_types)


def with_dependencies(files: Iterable[FileDescriptor]) -> list[FileDescriptor]:
    """These files and all that they import, each after its imports."""
    ordered: dict[str, FileDescriptor] = {}
    for file in files:
        _add(file, ordered)
    return list(ordered.values())


def _add(file: FileDescriptor, ordered: dict[str, FileDescriptor]) -> None:
    """No deeper than the linker lets files import each other."""
    if file.name in ordered:
        return
    for dependency in file.dependencies:
        _add(dependency, ordered)
    ordered[file.name] = file
