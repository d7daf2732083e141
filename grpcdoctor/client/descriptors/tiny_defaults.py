"""Defaults so close to zero that a pool does not read them.

protobuf's upb refuses a default that the C library rounds below the smallest normal number, 1.40129846e-45 of a float
say, which is what protoc itself writes. In hexadecimal the same number is exact, and is taken.
"""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_LEAST_FLOAT: Final = 2.0**-126
_LEAST_DOUBLE: Final = sys.float_info.min


def with_exact_defaults(file: FileDescriptorProto) -> FileDescriptorProto | None:
    """The file with such defaults in hexadecimal; None where it has none."""
    exact = type(file)()
    exact.CopyFrom(file)
    changed = False
    for field in _fields(exact):
        text = _exact(field)
        if text is not None:
            field.default_value, changed = text, True
    return exact if changed else None


def _fields(declaring: FileDescriptorProto | DescriptorProto) -> Iterator[FieldDescriptorProto]:
    """Those of all messages in it, and extensions."""
    from google.protobuf.descriptor_pb2 import DescriptorProto

    yield from declaring.extension
    if isinstance(declaring, DescriptorProto):
        yield from declaring.field
        messages = declaring.nested_type
    else:
        messages = declaring.message_type
    for message in messages:
        yield from _fields(message)


def _exact(field: FieldDescriptorProto) -> str | None:
    if field.type not in (field.TYPE_FLOAT, field.TYPE_DOUBLE) or not field.HasField("default_value"):
        return None
    try:
        value = float(field.default_value)
    except ValueError:
        return None
    is_float = field.type == field.TYPE_FLOAT
    if value == 0 or abs(value) >= (_LEAST_FLOAT if is_float else _LEAST_DOUBLE):
        return None
    return (ctypes.c_float(value).value if is_float else value).hex()
