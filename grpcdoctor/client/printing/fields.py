"""A field: its label, type, name, number and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing import tags
from grpcdoctor.client.printing.defaults import default_of
from grpcdoctor.client.printing.names import json_name
from grpcdoctor.client.printing.option_lists import print_bracketed
from grpcdoctor.client.printing.options import Option

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    from grpcdoctor.client.printing.locations import Path
    from grpcdoctor.client.printing.options import Options
    from grpcdoctor.client.printing.printer import Printer
    from grpcdoctor.client.printing.scopes import Scope

# FieldDescriptorProto.Type and .Label
_SCALARS: Final = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32", 8: "bool", 9: "string",
    12: "bytes", 13: "uint32", 15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64",
}  # fmt: skip
_LABELS: Final = {1: "optional", 2: "required", 3: "repeated"}


def print_field(printer: Printer, field: FieldDescriptorProto, path: Path, scope: Scope, depth: int) -> None:
    """`scope`: where it is declared. No group."""
    with printer.block(path, depth) as trail:
        printer.out.indent(depth)
        print_label(printer, field, path, scope, depth)
        printer.word((*path, tags.FIELD_TYPE), _type(printer, field, scope), depth)
        printer.word((*path, tags.FIELD_NAME), field.name, depth)
        print_number(printer, field, path, scope, depth)
        printer.out.write(";")
        trail(depth, False)


def print_label(printer: Printer, field: FieldDescriptorProto, path: Path, scope: Scope, depth: int) -> None:
    if _has_label(printer, field, scope):
        printer.word((*path, tags.FIELD_LABEL), _LABELS[field.label], depth)


def print_number(printer: Printer, field: FieldDescriptorProto, path: Path, scope: Scope, depth: int) -> None:
    """From the equals sign to the end of the options."""
    printer.out.write("= ")
    printer.word((*path, tags.FIELD_NUMBER), str(field.number), depth)
    options = printer.options(field.options, scope.full_name(field.name))
    options.update(_like_options(printer, field))
    print_bracketed(printer, options, tags.FIELD_OPTIONS, path, depth)


def is_map(field: FieldDescriptorProto, scope: Scope) -> bool:
    own = scope.message_of(field)
    return own is not None and own[1].options.map_entry


def _has_label(printer: Printer, field: FieldDescriptorProto, scope: Scope) -> bool:
    """Only proto2 needs a label for a single value; neither maps nor members of a oneof have one."""
    if field.proto3_optional:
        return True
    if field.HasField("oneof_index") or is_map(field, scope):
        return False
    return field.label != field.LABEL_OPTIONAL or printer.schema.is_proto2


def _type(printer: Printer, field: FieldDescriptorProto, scope: Scope) -> str:
    own = scope.message_of(field)
    if own is not None and own[1].options.map_entry:
        key, value = sorted(own[1].field, key=lambda part: part.number)
        return f"map<{_type(printer, key, scope)}, {_type(printer, value, scope)}>"
    return _SCALARS.get(field.type) or printer.name(field.type_name, scope.name)


def _like_options(printer: Printer, field: FieldDescriptorProto) -> Options:
    """What stands among the options and is a field of FieldDescriptorProto itself."""
    found: Options = {}
    if field.HasField("default_value") and field.label != field.LABEL_REPEATED:
        found[-tags.FIELD_DEFAULT] = [Option("default", default_of(field, printer.schema))]
    if field.json_name not in ("", json_name(field.name)):
        found[-tags.FIELD_JSON_NAME] = [Option("json_name", field.json_name)]
    return found
