"""What `describe` shows of a symbol: its kind, its file, its proto source, its parts, and a request to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpcdoctor.client.call_record import kind_of
from grpcdoctor.client.errors import SchemaError
from grpcdoctor.client.symbols import find_symbol

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, ServiceDescriptor

    from grpcdoctor.client.call import AnyDescriptor, DescriptorSource


@dataclass(frozen=True, slots=True)
class Description:
    """`parts` are what programs ask for: a service's methods, a message's fields, an enum's values; else empty."""

    name: str
    kind: str
    """a service, a message, …"""
    file: str
    source: str
    parts: tuple[dict[str, Any], ...] = ()
    template: str | None = None
    """JSON, where it was wanted."""


async def describe(source: DescriptorSource, name: str, with_template: bool = False) -> Description:
    """Raises NotFoundError with names that are close, and what the source raises."""
    from grpcdoctor.client.printing.element import element_of, full_name_of
    from grpcdoctor.client.printing.proto_source import source_of

    kind, descriptor = element_of(await find_symbol(source, name))
    return Description(
        name=full_name_of(descriptor),
        kind=kind,
        file=_file_of(descriptor),
        source=source_of(descriptor),
        parts=_parts_of(descriptor),
        template=await _template(source, descriptor, kind) if with_template else None,
    )


async def _template(source: DescriptorSource, descriptor: AnyDescriptor, kind: str) -> str:
    """Of a message, or of a method's request."""
    from google.protobuf.descriptor import Descriptor, MethodDescriptor

    from grpcdoctor.client.formats.json_writer import to_json
    from grpcdoctor.client.formats.template import template_of
    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.printing.element import full_name_of

    message = descriptor.input_type if isinstance(descriptor, MethodDescriptor) else descriptor
    if not isinstance(message, Descriptor):
        raise SchemaError(f"{full_name_of(descriptor)} is {kind}; --template is for messages and methods")
    types = Types(source)
    template = template_of(message)
    return await types.settle(lambda: to_json(template, types, emit_defaults=True, json_names="camel"))


def _file_of(descriptor: Any) -> str:
    """Not every kind of descriptor knows its file."""
    for owner in ("file", "type", "containing_type", "containing_service"):
        found = getattr(descriptor, owner, None)
        if owner == "file" and found is not None:
            return str(found.name)
        if found is not None and hasattr(found, "file"):
            return str(found.file.name)
    return ""


def _parts_of(descriptor: AnyDescriptor) -> tuple[dict[str, Any], ...]:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor, ServiceDescriptor

    if isinstance(descriptor, ServiceDescriptor):
        return _methods(descriptor)
    if isinstance(descriptor, Descriptor):
        return _fields(descriptor)
    return _values(descriptor) if isinstance(descriptor, EnumDescriptor) else ()


def _methods(service: ServiceDescriptor) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "name": method.name,
            "kind": kind_of(method),
            "request": method.input_type.full_name,
            "response": method.output_type.full_name,
            "deprecated": bool(method.GetOptions().deprecated),
        }
        for method in service.methods
    )


def _fields(message: Descriptor) -> tuple[dict[str, Any], ...]:
    from grpcdoctor.client.form_fields import word_of

    return tuple(
        {
            "name": field.name,
            "json_name": field.json_name,
            "number": field.number,
            "type": word_of(field),
            "repeated": field.is_repeated,
            "oneof": _oneof_of(field),
            "deprecated": bool(field.GetOptions().deprecated),
        }
        for field in message.fields
    )


def _oneof_of(field: FieldDescriptor) -> str | None:
    return field.containing_oneof.name if field.containing_oneof is not None else None


def _values(enum: EnumDescriptor) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"name": value.name, "number": value.number, "deprecated": bool(value.GetOptions().deprecated)}
        for value in enum.values
    )
