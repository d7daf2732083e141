"""What a message's fields are called and of what kind they are: worked out once a type, for all readers and writers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

# descriptor.proto: FieldDescriptorProto.Type and .Label. Numbers, so that a table of them needs no import of protobuf.
DOUBLE, FLOAT, INT64, UINT64, INT32, FIXED64, FIXED32, BOOL, STRING, GROUP, MESSAGE, BYTES = range(1, 13)
UINT32, ENUM, SFIXED32, SFIXED64, SINT32, SINT64 = range(13, 19)
_REPEATED: Final = 3
_REQUIRED: Final = 2
# Types kept ready: more than one schema's messages use at once, few enough that schemas long done with are let go.
_KEPT: Final = 4096


class Field(NamedTuple):
    """`json_name` is what the descriptor itself says, None where it says none; `camel_name` is what it would be."""

    descriptor: FieldDescriptor
    name: str
    number: int
    kind: int
    repeated: bool
    required: bool
    json_name: str | None
    camel_name: str
    # In a oneof, which a proto3 `optional` field is as well.
    in_oneof: bool
    # Told apart from its zero value.
    has_presence: bool
    key: Field | None = None
    value: Field | None = None
    """Of a map."""

    @property
    def full_name(self) -> str:
        name: str = self.descriptor.full_name
        return name

    @property
    def message(self) -> Descriptor:
        found = self.descriptor.message_type
        assert found is not None, self.name
        return found

    @property
    def enum(self) -> EnumDescriptor:
        found = self.descriptor.enum_type
        assert found is not None, self.name
        return found

    @property
    def group(self) -> bool:
        return self.kind == GROUP

    @property
    def message_name(self) -> str | None:
        """The full name of its message type; None for scalars and enums."""
        return str(self.message.full_name) if self.kind in (MESSAGE, GROUP) else None

    @property
    def is_closed_enum(self) -> bool:
        """Takes no number that it does not declare (proto2)."""
        return self.kind == ENUM and bool(self.enum.is_closed)

    @property
    def drops_negative_zero(self) -> bool:
        """-0.0 equals the default, and is no value for grpcurl, where a field has no presence."""
        return self.kind in (DOUBLE, FLOAT) and not self.repeated and not self.has_presence

    @property
    def text_name(self) -> str:
        """As text format names it: groups by their type, extensions in brackets."""
        if self.descriptor.is_extension:
            return f"[{self.message.full_name if self.group else self.full_name}]"
        return str(self.message.name) if self.group else self.name

    def of(self, message: Any) -> Any:
        """Its value in a message."""
        return message.Extensions[self.descriptor] if self.descriptor.is_extension else getattr(message, self.name)

    def put(self, message: Any, value: Any) -> None:
        if self.descriptor.is_extension:
            message.Extensions[self.descriptor] = value
        else:
            setattr(message, self.name, value)

    def clear(self, message: Any) -> None:
        if self.descriptor.is_extension:
            message.ClearExtension(self.descriptor)
        else:
            message.ClearField(self.name)

    @property
    def scope(self) -> str:
        """What the full name of an extension begins with: the message that declares it, or its package."""
        return self.full_name.rpartition(".")[0]


class MessageFields:
    """The fields of one message, by number; its extensions, as they are met."""

    def __init__(self, descriptor: Descriptor) -> None:
        from google.protobuf.descriptor_pb2 import DescriptorProto

        proto = DescriptorProto()
        descriptor.CopyToProto(proto)
        by_number = descriptor.fields_by_number
        self.descriptor = descriptor
        self.declared = [_field(by_number[one.number], one) for one in proto.field]
        self.by_number = dict(sorted((field.number, field) for field in self.declared))
        self.required = [field for field in self.declared if field.required]
        self.by_text_name = {field.name: field for field in self.declared}
        self.by_text_name |= {field.message.name: field for field in self.declared if field.group}
        self._extensions: dict[int, Field] = {}

    def extension(self, descriptor: FieldDescriptor) -> Field:
        known = self._extensions.get(descriptor.number)
        if known is None:
            known = self._extensions[descriptor.number] = _field(descriptor, _extension_proto(descriptor))
        return known

    def numbered(self, number: int) -> Field | None:
        """Of the declared ones, or of all extensions that the descriptor's pool knows."""
        declared = self.by_number.get(number)
        if declared is not None or not self.descriptor.is_extendable:
            return declared
        try:
            return self.extension(self.descriptor.file.pool.FindExtensionByNumber(self.descriptor, number))
        except KeyError:
            return None

    @property
    def may_have_closed_enums(self) -> bool:
        """Among its fields, or its extensions."""
        return bool(self.descriptor.is_extendable) or any(field.is_closed_enum for field in self.declared)


@lru_cache(_KEPT)
def fields_of(descriptor: Descriptor) -> MessageFields:
    return MessageFields(descriptor)


def extension_named(descriptor: Descriptor, name: str) -> Field | None:
    """An extension by its full name, in brackets, parentheses or neither. Its last part may be its JSON name; that of a
    group may be its type's, as text format writes it."""
    if (name[:1], name[-1:]) in (("[", "]"), ("(", ")")):
        name = name[1:-1]
    for field in extensions_of(descriptor):
        last = field.json_name or field.camel_name
        if name in (field.full_name, f"{field.scope}.{last}" if field.scope else last, field.text_name[1:-1]):
            return field
    return None


def extensions_of(descriptor: Descriptor) -> list[Field]:
    """All that the descriptor's pool knows."""
    if not descriptor.is_extendable:
        return []
    fields = fields_of(descriptor)
    return [fields.extension(known) for known in descriptor.file.pool.FindAllExtensions(descriptor)]


def names_by_number(enum: EnumDescriptor) -> dict[int, str]:
    """Of values with one number the first that is declared."""
    names: dict[int, str] = {}
    for value in enum.values:
        names.setdefault(value.number, value.name)
    return names


def _field(descriptor: FieldDescriptor, proto: FieldDescriptorProto) -> Field:
    key = value = None
    entry = descriptor.message_type
    if proto.label == _REPEATED and entry is not None and is_map_entry(entry):
        key, value = fields_of(entry).declared
    return Field(
        descriptor=descriptor,
        name=proto.name,
        number=proto.number,
        kind=proto.type,
        repeated=proto.label == _REPEATED,
        # Editions say it by a feature, proto2 by the label.
        required=proto.label == _REQUIRED or bool(getattr(descriptor, "is_required", False)),
        json_name=proto.json_name if proto.HasField("json_name") else None,
        camel_name=descriptor.json_name,
        in_oneof=proto.HasField("oneof_index"),
        has_presence=descriptor.has_presence,
        key=key,
        value=value,
    )


def is_map_entry(descriptor: Descriptor) -> bool:
    return bool(descriptor.has_options and descriptor.GetOptions().map_entry)


def _extension_proto(descriptor: FieldDescriptor) -> FieldDescriptorProto:
    """An extension is declared inside a message or at the top of its file."""
    from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto

    holder: DescriptorProto | FileDescriptorProto
    if descriptor.extension_scope is not None:
        holder = DescriptorProto()
        descriptor.extension_scope.CopyToProto(holder)
    else:
        holder = FileDescriptorProto()
        descriptor.file.CopyToProto(holder)  # type: ignore[attr-defined]
    return next(one for one in holder.extension if one.name == descriptor.name)
