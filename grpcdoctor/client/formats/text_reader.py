"""Text format to messages: everything that grpcurl accepts, with the same result, and the rest of the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats import fields as kinds
from grpcdoctor.client.formats.completeness import check_complete
from grpcdoctor.client.formats.fields import Field, MessageFields, extension_named, extensions_of, fields_of
from grpcdoctor.client.formats.json_strings import displayed
from grpcdoctor.client.formats.misfit import MisfitError, unknown_name
from grpcdoctor.client.formats.text_tokens import Kind, Token, Tokens
from grpcdoctor.client.formats.text_values import read_scalar
from grpcdoctor.client.formats.unknown import add_unknown_enum

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcdoctor.client.formats.types import Types

_SHOWN: Final = 60
_CLOSING: Final = {"<": ">", "{": "}", "[": "]", "(": ")"}


def read_text(text: str, message: Message, types: Types) -> None:
    """Read into an empty message. Raises RequestError, and TypeNeededError where `types` was not settled (the message
    is then to be thrown away)."""
    try:
        TextReader(text, types).read(message, None)
    except RecursionError:
        raise RequestError("the data is nested too deeply") from None
    check_complete(message)


class TextReader:
    def __init__(self, text: str, types: Types) -> None:
        self._tokens = Tokens(text)
        self._types = types
        self._path: list[str] = []

    def read(self, message: Any, end: str | None) -> None:
        """The fields of a message up to the bracket that ends it (None: the end of the text)."""
        while True:
            token = self._tokens.next
            if token.kind is Kind.END:
                if end is not None:
                    raise self._error(f"unexpected EOF: '{end}' is wanted", token)
                return
            if end is not None and self._tokens.accept(end):
                return
            self._read_field(message)
            self._tokens.accept(",", ";")

    def _read_field(self, message: Any) -> None:
        token = self._tokens.next
        name = self._field_name()
        self._path.append(name)
        if "/" in name and message.DESCRIPTOR.full_name == "google.protobuf.Any":
            self._read_any(message, name, token)
        else:
            field = self._find_field(message, name, token)
            colon = self._tokens.accept(":")
            if field is None:
                self._skip_value()
            elif field.kind in (kinds.MESSAGE, kinds.GROUP):
                self._read_messages(message, field, merge=colon is not None)
            elif colon is None:
                raise self._unexpected("':'")
            else:
                self._read_scalars(message, field)
        self._path.pop()

    def _field_name(self) -> str:
        """A name, a number, or what stands in brackets: an extension's name, an Any's type."""
        bracket = self._tokens.accept("[", "(")
        if bracket is None:
            if self._tokens.next.kind not in (Kind.NAME, Kind.NUMBER):
                raise self._unexpected("the name of a field")
            return self._tokens.take().text
        parts = []
        while True:
            if self._tokens.next.kind is not Kind.NAME:
                raise self._unexpected("the name of an extension or a type")
            parts.append(self._tokens.take().text)
            if self._tokens.accept(_CLOSING[bracket.text]):
                return f"[{'/'.join(parts)}]"
            if self._tokens.accept("/") is None:
                raise self._unexpected(f"'{_CLOSING[bracket.text]}'")

    def _find_field(self, message: Any, name: str, token: Token) -> Field | None:
        """None for a number that the type does not have: its value is passed over."""
        fields = fields_of(message.DESCRIPTOR)
        if token.kind is Kind.NUMBER:
            return self._numbered(fields, int(name)) if name.isdecimal() else None
        found = fields.by_text_name.get(name) or extension_named(message.DESCRIPTOR, name)
        if found is None:
            self._path.pop()
            raise self._misfit(
                unknown_name(f"{message.DESCRIPTOR.full_name} has no field", name, list(fields.by_text_name)), token
            )
        return found

    def _numbered(self, fields: MessageFields, number: int) -> Field | None:
        extensions = (field for field in extensions_of(fields.descriptor) if field.number == number)
        return fields.by_number.get(number) or next(extensions, None)

    def _read_scalars(self, message: Any, field: Field) -> None:
        if self._tokens.accept("[") is None:
            self._put(message, field, self._scalar(field))
            return
        while self._tokens.accept("]") is None:
            self._put(message, field, self._scalar(field))
            self._tokens.accept(",", ";")

    def _scalar(self, field: Field) -> Any:
        first = self._tokens.next
        negative = self._tokens.accept("-") is not None
        tokens = [self._tokens.take()]
        while tokens[0].kind is Kind.STRING and self._tokens.next.kind is Kind.STRING:
            tokens.append(self._tokens.take())
        try:
            return read_scalar(field, tokens, negative)
        except MisfitError as wrong:
            raise self._misfit(wrong, first) from None

    def _put(self, message: Any, field: Field, value: Any) -> None:
        if field.is_closed_enum and value not in field.enum.values_by_number:
            add_unknown_enum(message, field.number, value)
        elif field.repeated:
            field.of(message).append(value)
        else:
            field.put(message, value)

    def _read_messages(self, message: Any, field: Field, merge: bool) -> None:
        """A message, or a list of them. Behind a colon it is merged with what a singular field holds already."""
        if self._tokens.accept("[") is None:
            self._read_message(message, field, merge)
            return
        while self._tokens.accept("]") is None:
            self._read_message(message, field, merge)
            self._tokens.accept(",", ";")

    def _read_message(self, message: Any, field: Field, merge: bool) -> None:
        bracket = self._tokens.accept("<", "{")
        if bracket is None:
            raise self._unexpected(f"a message ({field.message.full_name}) in < >")
        end = _CLOSING[bracket.text]
        if field.key is not None:
            self._read_entry(field.of(message), field, end)
        elif field.repeated:
            self.read(field.of(message).add(), end)
        else:
            target = field.of(message)
            if not merge:
                target.Clear()
            target.SetInParent()
            self.read(target, end)

    def _read_entry(self, target: Any, field: Field, end: str) -> None:
        from google.protobuf.message_factory import GetMessageClass

        entry: Any = GetMessageClass(field.message)()
        self.read(entry, end)
        if field.value is not None and field.value.kind == kinds.MESSAGE:
            target[entry.key].CopyFrom(entry.value)
        else:
            target[entry.key] = entry.value

    def _read_any(self, message: Any, name: str, token: Token) -> None:
        """[type.googleapis.com/the.Name] < its fields >"""
        from google.protobuf.message_factory import GetMessageClass

        url = name[1:-1]
        descriptor = self._types.find(url.rpartition("/")[2])
        if descriptor is None:
            raise self._error(f"the message type {url.rpartition('/')[2]} is not known", token)
        self._tokens.accept(":")
        bracket = self._tokens.accept("<", "{")
        if bracket is None:
            raise self._unexpected(f"a message ({descriptor.full_name}) in < >")
        content = GetMessageClass(descriptor)()
        self.read(content, _CLOSING[bracket.text])
        message.type_url = url
        message.value = content.SerializePartialToString()

    def _skip_value(self) -> None:
        """Of a number that is no field: up to the bracket that closes it, if one opens it."""
        self._tokens.accept("-")
        depth = 0
        while True:
            token = self._tokens.next
            if token.kind is Kind.END:
                raise self._error("unexpected EOF: a value is wanted", token)
            self._tokens.take()
            if token.kind is Kind.SIGN:
                depth += (token.text in _CLOSING) - (token.text in _CLOSING.values())
            if depth <= 0:
                return

    def _unexpected(self, wanted: str) -> RequestError:
        token = self._tokens.next
        found = Kind.END.value if token.kind is Kind.END else displayed(token.text[:_SHOWN])
        return self._error(f"{wanted} is wanted, found {found}", token)

    def _misfit(self, wrong: MisfitError, token: Token) -> RequestError:
        return self._tokens.error(wrong.why, token.at, ".".join(self._path), wrong.suggestions)

    def _error(self, why: str, token: Token) -> RequestError:
        return self._tokens.error(why, token.at, ".".join(self._path))
