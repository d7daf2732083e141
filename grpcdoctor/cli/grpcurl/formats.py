"""-format: how requests are read, and how messages are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from grpcdoctor.cli.grpcurl.flags import JSON

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.client.formats.types import Types

RECORD_SEPARATOR: Final = "\x1e"


class Writer(Protocol):
    async def write(self, message: Message, types: Types) -> str:
        """Without a final line break. Raises FormatError."""
        ...

    async def write_own(self, message: Message, types: Types) -> str:
        """The same for a message of a type that grpcurl has compiled in."""
        ...


class JsonWriter:
    def __init__(self, emit_defaults: bool) -> None:
        self._emit_defaults = emit_defaults

    async def write(self, message: Message, types: Types) -> str:
        from grpcdoctor.client.formats.json_writer import to_json

        return await types.settle(lambda: to_json(message, types, emit_defaults=self._emit_defaults))

    write_own = write


class TextWriter:
    """With `separated` every message but the first begins with a record separator, so that the output can be the input
    of another call."""

    def __init__(self, separated: bool) -> None:
        self._separated = separated
        self._written = False

    async def write(self, message: Message, types: Types) -> str:
        from grpcdoctor.client.formats.text_writer import to_text

        return self._separate(await types.settle(lambda: to_text(message, types)))

    async def write_own(self, message: Message, types: Types) -> str:
        from grpcdoctor.client.formats.compiled_text import compiled_text

        return self._separate(await types.settle(lambda: compiled_text(message, types)))

    def _separate(self, text: str) -> str:
        separator = RECORD_SEPARATOR if self._separated and self._written else ""
        self._written = True
        return separator + text


def writer_of(flags: Flags) -> Writer:
    if flags.format == JSON:
        return JsonWriter(flags.emit_defaults)
    return TextWriter(separated=flags.verbosity == 0)
