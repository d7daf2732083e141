"""A message with all that is declared in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.elements import FIRST, Element, option_elements, statements
from grpcdoctor.client.printing.enums import print_enum
from grpcdoctor.client.printing.fields import is_map, print_field, print_label, print_number
from grpcdoctor.client.printing.locations import is_within
from grpcdoctor.client.printing.option_lists import print_statements
from grpcdoctor.client.printing.ranges import last_number, message_ranges, print_extension_ranges, print_reserved
from grpcdoctor.client.printing.scopes import message_scope

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

    from grpcdoctor.client.printing.locations import Location, Locations, Path
    from grpcdoctor.client.printing.printer import Printer
    from grpcdoctor.client.printing.scopes import Scope

_HEAD: Final = frozenset({tags.MESSAGE_OPTIONS})


def print_message(printer: Printer, message: DescriptorProto, full_name: str, path: Path, depth: int) -> None:
    """`path` is the message's, from the file."""
    with printer.block(path, depth) as trail:
        printer.out.indent(depth)
        printer.out.write("message ")
        printer.word((*path, tags.MESSAGE_NAME), message.name, depth)
        printer.out.line("{")
        trail(depth + 1, True)
        _print_body(printer, message, full_name, path, depth + 1)
        printer.out.indent(depth)
        printer.out.line("}")


def print_member(printer: Printer, field: FieldDescriptorProto, path: Path, scope: Scope, depth: int) -> None:
    """A field or a group; `scope`: where it is declared."""
    group = scope.message_of(field) if field.type == field.TYPE_GROUP else None
    if group is None:
        print_field(printer, field, path, scope, depth)
        return
    index, message = group
    message_path = (*scope.path, scope.message_tag, index)  # where the comments of a group are
    with printer.block(message_path, depth) as trail:
        printer.out.indent(depth)
        print_label(printer, field, path, scope, depth)
        printer.out.write("group ")
        printer.word((*path, tags.FIELD_TYPE), message.name, depth)
        print_number(printer, field, path, scope, depth)
        printer.out.line("{")
        trail(depth + 1, True)
        _print_body(printer, message, scope.full_name(message.name), message_path, depth + 1)
        printer.out.indent(depth)
        printer.out.line("}")


def print_oneof(printer: Printer, message: DescriptorProto, index: int, scope: Scope, depth: int) -> None:
    """The oneof of that index in `message`, whose scope `scope` is, with its fields."""
    oneof = message.oneof_decl[index]
    path = (*scope.path, tags.MESSAGE_ONEOF, index)
    with printer.block(path, depth) as trail:
        printer.out.indent(depth)
        printer.out.write("oneof ")
        printer.word((*path, tags.ONEOF_NAME), oneof.name, depth)
        printer.out.line("{")
        trail(depth + 1, True)
        named = printer.options(oneof.options, scope.full_name(oneof.name))
        options = printer.arranged(option_elements(tags.ONEOF_OPTIONS, named), path)
        for position, element in enumerate(options):
            printer.separate(position > 0)
            print_statements(printer, element, (*path, *element.step), depth + 1)
        members = [element for element in _fields(message) if _is_member(element.value, index)]
        for position, element in enumerate(printer.arranged(members, scope.path), start=len(options)):
            printer.separate(position > 0)
            print_member(printer, element.value, (*scope.path, *element.step), scope, depth + 1)
        printer.out.indent(depth)
        printer.out.line("}")


def print_extend(printer: Printer, elements: list[Element], scope: Scope, depth: int) -> None:
    """`extend X {...}` as it is declared in `scope`."""
    location = extend_location(elements[0], printer.schema.locations, scope)
    printer.leading(location, depth)
    printer.out.indent(depth)
    printer.out.write("extend ")
    path = (*scope.path, scope.extension_tag, 0, tags.FIELD_EXTENDEE)
    printer.word(path, printer.name(elements[0].value.extendee, scope.name), depth)
    printer.out.line("{")
    printer.separate(printer.trailing(location, depth + 1))
    for position, element in enumerate(elements):
        printer.separate(position > 0)
        print_member(printer, element.value, (*scope.path, *element.step), scope, depth + 1)
    printer.out.indent(depth)
    printer.out.line("}")


def extension_elements(printer: Printer, extensions: Sequence[FieldDescriptorProto], scope: Scope) -> Iterator[Element]:
    """Those of one block in the source belong together; without a source, those of one message."""
    for index, extension in enumerate(extensions):
        extendee = extension.extendee.removeprefix(".")
        key = (extendee, extension.number)
        element = Element(scope.extension_tag, index, extension, key, scattered=True)
        location = extend_location(element, printer.schema.locations, scope)
        yield replace(element, group=(extendee, None if location is None else tuple(location.span)))


def message_elements(fields: Iterable[FieldDescriptorProto], scope: Scope) -> Iterator[Element]:
    """The messages of a scope; those of its groups and maps are hidden. `fields`: all that are declared there."""
    owners = [field for field in fields if field.type == field.TYPE_GROUP or is_map(field, scope)]
    own = {field.type_name.removeprefix(".") for field in owners}
    for index, message in enumerate(scope.messages):
        hidden = scope.full_name(message.name) in own
        yield Element(scope.message_tag, index, message, (message.name,), hidden=hidden)


def extend_location(extension: Element, locations: Locations, scope: Scope) -> Location | None:
    """That of the block that an extension is declared in."""
    own = locations.at((*scope.path, *extension.step))
    if own is None or not own.span:
        return None
    blocks = locations.all_at((*scope.path, scope.extension_tag))
    return next((block for block in blocks if is_within(tuple(own.span), tuple(block.span))), None)


def _fields(message: DescriptorProto) -> Iterator[Element]:
    """The members of a oneof belong together, except for the one that proto3's `optional` stands for."""
    for index, field in enumerate(message.field):
        in_oneof = field.HasField("oneof_index") and not field.proto3_optional
        group = field.oneof_index if in_oneof else None
        yield Element(tags.MESSAGE_FIELD, index, field, (field.number,), group=group, scattered=True)


def _is_member(field: FieldDescriptorProto, oneof: int) -> bool:
    """Also of the oneof that stands for `optional`: it may be described by itself."""
    return field.HasField("oneof_index") and field.oneof_index == oneof


def _elements(printer: Printer, message: DescriptorProto, scope: Scope) -> Iterator[Element]:
    options = printer.options(message.options, scope.name, is_message=True)
    yield from option_elements(tags.MESSAGE_OPTIONS, options, FIRST)
    yield from message_ranges(message)
    yield from _fields(message)
    yield from message_elements([*message.field, *message.extension], scope)
    for index, enum in enumerate(message.enum_type):
        yield Element(tags.MESSAGE_ENUM, index, enum, (enum.name,))
    yield from extension_elements(printer, message.extension, scope)


def _print_body(printer: Printer, message: DescriptorProto, full_name: str, path: Path, depth: int) -> None:
    scope = message_scope(full_name, message, path)
    elements = printer.arranged(_elements(printer, message, scope), path, _HEAD)
    for is_first, statement in statements(elements):
        printer.separate(not is_first)
        _print_statement(printer, message, statement, scope, depth)


def _print_statement(
    printer: Printer, message: DescriptorProto, statement: list[Element], scope: Scope, depth: int
) -> None:
    element = statement[0]
    path = (*scope.path, *element.step)
    if element.tag == tags.MESSAGE_OPTIONS:
        print_statements(printer, element, path, depth)
    elif element.tag == tags.MESSAGE_FIELD and element.group is not None:
        print_oneof(printer, message, element.value.oneof_index, scope, depth)
    elif element.tag == tags.MESSAGE_FIELD:
        print_member(printer, element.value, path, scope, depth)
    elif element.tag == tags.MESSAGE_NESTED:
        print_message(printer, element.value, scope.full_name(element.value.name), path, depth)
    elif element.tag == tags.MESSAGE_ENUM:
        print_enum(printer, element.value, scope.full_name(element.value.name), path, depth)
    elif element.tag == tags.MESSAGE_EXTENSION:
        print_extend(printer, statement, scope, depth)
    elif element.tag == tags.MESSAGE_EXTENSION_RANGE:
        print_extension_ranges(printer, message, scope.name, statement, scope.path, depth)
    else:
        print_reserved(printer, statement, scope.path, last_number(message), depth)
