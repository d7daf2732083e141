"""An example of a message, as grpcurl's -msg-template makes it: every list, map and message filled once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats.fields import Field, fields_of
from grpcdoctor.client.formats.unknown import add_unknown_enum

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

# Types whose JSON form needs something in it, and the words that say what it takes.
_ARBITRARY: Final = {
    "google.protobuf.Value": "supports arbitrary JSON",
    "google.protobuf.ListValue": "is an array of arbitrary JSON values",
    "google.protobuf.Struct": "supports arbitrary JSON objects",
}
_ZERO: Final[dict[int, Any]] = {kinds.STRING: "", kinds.BYTES: b"", kinds.BOOL: False}


def template_of(descriptor: Descriptor) -> Any:
    """Print it with `to_json(…, emit_defaults=True)` or `to_text`. A type that stands inside of itself ends there,
    empty; of a oneof the last message stays."""
    from google.protobuf.message_factory import GetMessageClass

    message = GetMessageClass(descriptor)()
    _fill(message, ())
    return message


def _fill(message: Any, above: tuple[str, ...]) -> None:
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Any":
        message.type_url = "type.googleapis.com/google.protobuf.Empty"
    elif name in _ARBITRARY:
        _explain(message, name)
    elif name not in above:
        for field in fields_of(message.DESCRIPTOR).declared:
            _fill_field(message, field, (*above, name))


def _fill_field(message: Any, field: Field, above: tuple[str, ...]) -> None:
    value = getattr(message, field.name)
    if field.key is not None and field.value is not None:
        key = _ZERO.get(field.key.kind, 0)
        if field.value.kind == kinds.MESSAGE:
            _fill(value[key], above)
        else:
            value[key] = _ZERO.get(field.value.kind, 0)
    elif field.repeated and field.kind in (kinds.MESSAGE, kinds.GROUP):
        _fill(value.add(), above)
    elif field.repeated and field.is_closed_enum and 0 not in field.enum.values_by_number:
        add_unknown_enum(message, field.number, 0)
    elif field.repeated:
        value.append(_ZERO.get(field.kind, 0))
    elif field.kind in (kinds.MESSAGE, kinds.GROUP):
        value.SetInParent()
        _fill(value, above)


def _explain(message: Any, name: str) -> None:
    if name == "google.protobuf.Struct":
        fields = message.fields
    elif name == "google.protobuf.Value":
        fields = message.struct_value.fields
    else:
        fields = message.values.add().struct_value.fields
    fields[name].string_value = _ARBITRARY[name]
