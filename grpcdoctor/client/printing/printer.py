"""What all parts of the printing share: the text so far, and the style in which it is written.

The styles are those of grpcurl, whose output scripts parse: its `describe` and its -proto-out-dir both print with
protoprint (https://pkg.go.dev/github.com/jhump/protoreflect/desc/protoprint).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

from grpcdoctor.client.printing.comments import write_detached, write_leading, write_trailing
from grpcdoctor.client.printing.elements import Element, as_in_source, canonical
from grpcdoctor.client.printing.literals import Literals
from grpcdoctor.client.printing.names import relative_name
from grpcdoctor.client.printing.options import Options, options_of
from grpcdoctor.client.printing.writer import Writer, inline

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcdoctor.client.printing.locations import Location, Path
    from grpcdoctor.client.printing.schema import Schema


class Style(Enum):
    """DESCRIPTION: one element in canonical order, without empty lines, with full names and its documentation.
    FILE: the whole file in the order of its source, with all its comments."""

    DESCRIPTION = "description"
    FILE = "file"


class Printer:
    """`depth` is a number of indentations everywhere; negative for what stands within a line (`inline`)."""

    def __init__(self, schema: Schema, style: Style) -> None:
        self.schema = schema
        self.out = Writer()
        self._is_file = style is Style.FILE
        self.literals = Literals(schema, lambda full_name: self.name(full_name, schema.package))

    def name(self, full_name: str, scope: str, least: int = 0) -> str:
        """How something is referred to from within `scope`."""
        bare = full_name.removeprefix(".")
        return relative_name(self.schema.package, scope, bare, least) if self._is_file else f".{bare}"

    def options(self, options: Message, scope: str, is_message: bool = False) -> Options:
        """A message's options must name at least the message, even where they are declared in it."""
        return options_of(options, self.schema, lambda name: self.name(name, scope, least=int(is_message)))

    def arranged(self, elements: Iterable[Element], prefix: Path, head: frozenset[int] = frozenset()) -> list[Element]:
        """`head`: the tags that lead where the source does not say where they stand."""
        if self._is_file:
            return as_in_source(elements, self.schema.locations, prefix, head)
        return canonical(elements)

    def separate(self, needed: bool = True) -> None:
        """An empty line between elements."""
        if needed and self._is_file:
            self.out.line()

    def word(self, path: Path, text: str, depth: int) -> None:
        """A part of an element that may have comments of its own."""
        with self.part(path, inline(depth)):
            self.out.write(f"{text} ")

    @contextmanager
    def part(self, path: Path, depth: int) -> Iterator[None]:
        """What has no descriptor: its comments are no documentation."""
        with self._commented(self._location(path) if self._is_file else None, depth):
            yield

    @contextmanager
    def element(self, path: Path, depth: int) -> Iterator[None]:
        """What has a descriptor."""
        with self._commented(self._location(path), depth):
            yield

    @contextmanager
    def block(self, path: Path, depth: int) -> Iterator[Callable[[int, bool], None]]:
        """What has a body. Gives what is to be called where the comment after the element belongs: (depth, whether an
        empty line is to follow it)."""
        location = self._location(path)

        def trail(depth: int, separates: bool) -> None:
            if self.trailing(location, depth) and separates:
                self.separate()

        self.leading(location, depth)
        yield trail
        self._end_line(depth)

    def leading(self, location: Location | None, depth: int) -> None:
        if location is None:
            return
        if self._is_file:
            write_detached(self.out, location, depth)
        write_leading(self.out, location, depth)

    def trailing(self, location: Location | None, depth: int) -> bool:
        """Whether there was a comment."""
        return location is not None and self._is_file and write_trailing(self.out, location, depth)

    @contextmanager
    def _commented(self, location: Location | None, depth: int) -> Iterator[None]:
        self.leading(location, depth)
        yield
        self.trailing(location, depth)
        self._end_line(depth)

    def _location(self, path: Path) -> Location | None:
        return self.schema.locations.at(path)

    def _end_line(self, depth: int) -> None:
        if depth >= 0 and not self.out.at_line_start:
            self.out.line()
