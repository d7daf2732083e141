"""Bytes to messages, as forgivingly as grpcurl: a string need not be UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats.fields import fields_of
from grpcdoctor.client.formats.json_strings import without_surrogates
from grpcdoctor.wire.protobuf import ProtobufError, field, read_varint

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_VARINT, _FIXED64, _LENGTH_DELIMITED, _START_GROUP, _END_GROUP, _FIXED32 = range(6)


def decode(descriptor: Descriptor, payload: bytes) -> Any:
    """A message of this type. Raises FormatError for bytes that are none.

    protobuf for Python refuses a whole proto3 message for one string that is no UTF-8. Such a string keeps its other
    characters; U+FFFD stands for each byte that is no part of one.
    """
    from google.protobuf.message import DecodeError
    from google.protobuf.message_factory import GetMessageClass

    message = GetMessageClass(descriptor)()
    try:
        message.ParseFromString(payload)
        return message
    except DecodeError as broken:
        try:
            message.ParseFromString(_with_clean_strings(payload, descriptor))
        except ProtobufError as fault:  # in Go's words, which grpcurl prints
            raise FormatError("proto: bad wiretype" if "wire type" in str(fault) else "unexpected EOF") from None
        except (DecodeError, RecursionError):
            raise FormatError(f"these bytes are no {descriptor.full_name}: {broken}") from None
        return message


def _with_clean_strings(data: bytes, descriptor: Descriptor) -> bytes:
    """Raises ProtobufError."""
    cleaned, at = bytearray(), 0
    types: list[Descriptor | None] = [descriptor]  # of the group that is open last
    while at < len(data):
        begin = at
        key, at = read_varint(data, at)
        number, wire_type = key >> 3, key & 7
        known = fields_of(types[-1]).by_number.get(number) if types[-1] is not None else None
        if wire_type == _LENGTH_DELIMITED:
            length, at = read_varint(data, at)
            value = data[at : at + length]
            at += length
            if known is not None and known.kind == kinds.STRING:
                value = without_surrogates(value.decode("utf-8", "surrogateescape")).encode()
            elif known is not None and known.kind == kinds.MESSAGE:
                value = _with_clean_strings(value, known.message)
            cleaned += field(number, value)
            continue
        if wire_type == _VARINT:
            _, at = read_varint(data, at)
        elif wire_type in (_FIXED32, _FIXED64):
            at += 4 if wire_type == _FIXED32 else 8
        elif wire_type == _START_GROUP:
            types.append(known.message if known is not None and known.group else None)
        elif wire_type == _END_GROUP and len(types) > 1:
            types.pop()
        else:
            raise ProtobufError(f"wire type {wire_type}")
        cleaned += data[begin:at]
    if at > len(data):
        raise ProtobufError("cut short")
    return bytes(cleaned)
