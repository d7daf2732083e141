"""The requests of a command line, shared out among the calls that it makes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.terminal import is_terminal, standard_input

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, MethodDescriptor
    from google.protobuf.message import Message

    from grpcdoctor.client.formats.types import Types
    from grpcdoctor.client.invoke import Requests
    from grpcdoctor.client.requests import Read

_STANDARD_INPUT: Final = ("@", "-", "@-")


@dataclass(frozen=True, slots=True)
class Data:
    """-d: what is there already, or where it comes from."""

    text: bytes | None
    """None: standard input."""

    @classmethod
    def of(cls, word: str | None) -> Data:
        """`word` is JSON (or text) itself, `@FILE`, or @ for standard input. Raises click.UsageError."""
        if word is None:
            return cls(b"")
        if word in _STANDARD_INPUT:
            return cls(None)
        if not word.startswith("@"):
            return cls(word.encode("utf-8", "surrogateescape"))
        try:
            with open(word[1:], "rb") as file:
                return cls(file.read())
        except OSError as failed:
            raise click.UsageError(f"--data: cannot read {word[1:]}: {failed.strerror}") from failed

    def reader(self) -> Read:
        from grpcdoctor.client.requests import reader_of

        if self.text is not None:
            return reader_of(self.text)
        from grpcdoctor.client.incoming import Incoming

        if is_terminal(sys.stdin):
            say("grpcdoctor call: reading requests from the terminal; Ctrl-D ends them")
        return Incoming(standard_input()).read


def requests_of(data: Data, format_name: str, types: Types, allow_unknown: bool) -> Requests:
    from grpcdoctor.client.requests import JsonRequests, TextRequests

    if format_name == "text" and data.text != b"":  # no text at all would be an empty message
        return TextRequests(data.reader(), types)
    return JsonRequests(data.reader(), types, allow_unknown=allow_unknown)


class Given:
    """Requests that are there, and may be sent again."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.count = 0
        self._messages = messages

    async def next(self, kind: Descriptor) -> Message | None:
        if self.count == len(self._messages):
            return None
        self.count += 1
        return self._messages[self.count - 1]

    def rewind(self) -> None:
        self.count = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls to be made: one for each list of requests, or a single one whose requests come by and by."""

    calls: Sequence[Requests]

    def each(self, repeat: int) -> Iterator[Requests]:
        for _ in range(repeat):
            for requests in self.calls:
                if isinstance(requests, Given):
                    requests.rewind()
                yield requests


async def plan(method: MethodDescriptor, requests: Requests, repeat: int) -> Plan:
    """A method that takes one request is called once for each that is given, or once with an empty one. Raises
    RequestError."""
    if method.client_streaming:
        return Plan([requests if repeat == 1 else Given(await _all(method.input_type, requests))])
    from google.protobuf.message_factory import GetMessageClass

    messages = await _all(method.input_type, requests) or [GetMessageClass(method.input_type)()]
    return Plan([Given([message]) for message in messages])


async def _all(kind: Descriptor, requests: Requests) -> list[Message]:
    found = []
    while (message := await requests.next(kind)) is not None:
        found.append(message)
    return found
