"""CompositeSource: a server's reflection first, files where it does not know a name.

Only reflection says which services there are. The two keep pools of their own, so that a file of the user's may differ
from the server's of the same name; a message reads what it contains in its own pool, and an Any is read by whichever
source knows its type. Extensions must be in the message's pool: files with extensions that the server does not know are
adopted into the server's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.descriptors.symbols import file_of, with_dependencies
from grpcdoctor.client.errors import ClientError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import FieldDescriptor, FileDescriptor

    from grpcdoctor.client.call import AnyDescriptor
    from grpcdoctor.client.descriptors.bounded import BoundedSource
    from grpcdoctor.client.descriptors.file_source import FileSource
    from grpcdoctor.client.descriptors.reflection import ReflectionSource


class CompositeSource:
    """See DescriptorSource."""

    def __init__(self, reflection: ReflectionSource | BoundedSource, files: FileSource) -> None:
        self._reflection = reflection
        self._files = files

    async def list_services(self) -> list[str]:
        return await self._reflection.list_services()

    async def find_symbol(self, name: str) -> AnyDescriptor:
        try:
            return await self._reflection.find_symbol(name)
        except ClientError:  # whatever kept reflection from answering
            return await self._files.find_symbol(name)

    async def extensions_of(self, message: str) -> list[FieldDescriptor]:
        of_files = await self._files.extensions_of(message)
        try:
            known = await self._reflection.extensions_of(message)
        except ClientError:
            return of_files
        numbers = {extension.number for extension in known}
        lacking = [file_of(extension) for extension in of_files if extension.number not in numbers]
        further = {file.name: file for file in lacking}
        if not further:
            return known
        for file in further.values():
            try:
                await self._reflection.adopt(file)
            except SchemaError:  # it does not fit the server's schema: its extensions stay unknown
                continue
        return await self._reflection.extensions_of(message)

    async def files_of(self, symbols: Sequence[str]) -> list[FileDescriptor]:
        found = [await self.find_symbol(name) for name in symbols]
        return with_dependencies(file_of(symbol) for symbol in found)
