"""ReflectionSource: descriptors from a server's reflection, each asked for once.

What a server's implementation lacks is made up for: stock Python servers know no methods, fields or enum values by name
(their parents are asked for), many do not hand out google/protobuf/*.proto (`well_known`), and some know them under an
old path of Go's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from grpcdoctor.client.close_names import close_names
from grpcdoctor.client.descriptors import reflection_messages as messages
from grpcdoctor.client.descriptors.linker import Linker
from grpcdoctor.client.descriptors.originals import original_of
from grpcdoctor.client.descriptors.reflection_stream import NO_REFLECTION, ReflectionStream, ReflectionUnavailableError
from grpcdoctor.client.descriptors.symbols import extensions_in_pool, file_of, names_in, with_dependencies
from grpcdoctor.client.descriptors.well_known import alias_of
from grpcdoctor.client.errors import NotFoundError, RpcError, SchemaError
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcdoctor.client.call import AnyDescriptor, Channel
    from grpcdoctor.client.descriptors.reflection_stream import Asker
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

T = TypeVar("T")

# Questions on the wire at a time. Their answers are kept until the last one is there, and may have 4 MiB each.
_AT_ONCE: Final = 32
# Rounds of asking for what the files of the last round import: deeper than any real schema.
_ROUNDS: Final = 200


class ReflectionSource:
    """See DescriptorSource. `metadata` is sent with the reflection call alone, `deadline` is for all questions."""

    def __init__(self, channel: Channel, metadata: Headers = (), deadline: Deadline | None = None) -> None:
        self._begin(ReflectionStream(channel, metadata, deadline))

    @classmethod
    def over(cls, asker: Asker) -> ReflectionSource:
        """The same over anything that puts reflection's questions to a server."""
        source = cls.__new__(cls)
        source._begin(asker)
        return source

    def _begin(self, asker: Asker) -> None:
        self._asker = asker
        self._linker = Linker()
        self._services: list[str] | None = None
        self._extended: set[str] = set()
        # One stream answers in the order in which it was asked.
        self._turn = asyncio.Lock()

    async def list_services(self) -> list[str]:
        async with self._turn:
            if self._services is None:
                (answer,) = await self._asker.ask([messages.services_question()])
                self._services = _supported(messages.services_in, answer)
            return list(self._services)

    async def find_symbol(self, name: str) -> AnyDescriptor:
        async with self._turn:
            found = self._linker.find(name)
            if found is None:
                found = await self._look_up(name)
            return found

    async def extensions_of(self, message: str) -> list[FieldDescriptor]:
        async with self._turn:
            extended = self._linker.find_message(message)
            if extended is None:
                raise NotFoundError("Symbol", message)
            if message not in self._extended:
                await self._load_extensions(extended)
                self._extended.add(message)
            return extensions_in_pool(extended)

    async def files_of(self, symbols: Sequence[str]) -> list[FileDescriptor]:
        found = [await self.find_symbol(name) for name in symbols]
        return with_dependencies(file_of(symbol) for symbol in found)

    async def adopt(self, file: FileDescriptor) -> None:
        """Take over a file of another source and what it imports, as far as the server has given none of that name.
        Raises SchemaError where it does not fit to what the server gave."""
        async with self._turn:
            for one in with_dependencies([file]):
                self._linker.give(original_of(one))
            self._linker.link(file.name)

    async def _look_up(self, name: str) -> AnyDescriptor:
        parent = name.rpartition(".")[0]
        for asked in (name, parent):
            if not asked:
                break
            files = await self._files(messages.symbol_question(asked))
            found = await self._found_in(files, name, asked)
            if found is not None:
                return found
            if files:
                break
        raise NotFoundError("Symbol", name, self._close_to(name))

    async def _found_in(self, files: list[FileDescriptorProto], name: str, asked: str) -> AnyDescriptor | None:
        """Link the files until one has the name: the first is the one that was asked for, others are its imports."""
        for file in files:
            try:
                await self._link(file.name)
            except NotFoundError as missing:
                raise NotFoundError("Symbol", asked, caused_by=missing) from missing
            found = self._linker.find(name)
            if found is not None:
                return found
        return None

    async def _load_extensions(self, extended: Descriptor) -> None:
        message = extended.full_name
        (answer,) = await self._asker.ask([messages.extension_numbers_question(message)])
        try:
            numbers = messages.extension_numbers_in(answer)
        except RpcError as refused:
            if refused.status.code in (GrpcStatus.NOT_FOUND, GrpcStatus.UNIMPLEMENTED):
                return  # no extensions, or a server that cannot tell of any
            raise
        known = {extension.number for extension in extensions_in_pool(extended)}
        questions = [messages.extension_question(message, number) for number in numbers if number not in known]
        for files in await self._files_of_each(questions):
            for file in files[:1]:
                await self._link(file.name)

    async def _files(self, question: bytes) -> list[FileDescriptorProto]:
        """The files of one answer; none where the server knows none."""
        return (await self._files_of_each([question]))[0]

    async def _files_of_each(self, questions: Sequence[bytes]) -> list[list[FileDescriptorProto]]:
        found: list[list[FileDescriptorProto]] = []
        for start in range(0, len(questions), _AT_ONCE):
            for answer in await self._asker.ask(questions[start : start + _AT_ONCE]):
                files = _files_in(answer)
                for file in files:
                    self._linker.give(file)
                # Most servers send what a file imports along with it, each time: one copy is kept of them.
                found.append([self._linker.given(file.name) or file for file in files])
        return found

    async def _link(self, name: str) -> None:
        """Ask for all that the file imports, as many files at once as are known to be wanted, and link it."""
        for _ in range(_ROUNDS):
            wanted = self._linker.unknown([name])
            if not wanted:
                break
            await self._fetch(wanted)
        else:
            raise SchemaError(f"the schema's files import each other more than {_ROUNDS} deep")
        self._linker.link(name)

    async def _fetch(self, names: Sequence[str]) -> None:
        await self._files_of_each([messages.file_question(name) for name in names])
        for name in self._missing(names):
            alias = alias_of(name)
            for file in await self._files(messages.file_question(alias)) if alias is not None else ():
                if file.name == alias:
                    self._linker.give(_renamed(file, name))
        for name in self._missing(names):
            self._linker.give_up(name)

    def _missing(self, names: Iterable[str]) -> list[str]:
        unknown = set(self._linker.unknown(names))
        return [name for name in names if name in unknown]

    def _close_to(self, name: str) -> list[str]:
        """Names that were heard of so far: nothing is asked for a hint."""
        known = list(self._services or ())
        parent = self._linker.find(name.rpartition(".")[0])
        members = [*getattr(parent, "methods", ()), *getattr(parent, "fields", ())]
        known += [member.full_name for member in members]
        if parent is not None:
            known += names_in([file_of(parent)])
        return close_names(name, known)


def _files_in(answer: bytes) -> list[FileDescriptorProto]:
    try:
        return _supported(messages.files_in, answer)
    except RpcError as refused:
        if refused.status.code == GrpcStatus.NOT_FOUND:
            return []
        raise


def _supported(read: Callable[[bytes], T], answer: bytes) -> T:
    """What `read` makes of the answer. Raises ReflectionUnavailableError where the server says inside of its answer
    that it does not do such a thing."""
    try:
        return read(answer)
    except RpcError as refused:
        if refused.status.code == GrpcStatus.UNIMPLEMENTED:
            raise ReflectionUnavailableError(refused.status, NO_REFLECTION) from refused
        raise


def _renamed(file: FileDescriptorProto, name: str) -> FileDescriptorProto:
    renamed = type(file)()
    renamed.CopyFrom(file)
    renamed.name = name
    return renamed
