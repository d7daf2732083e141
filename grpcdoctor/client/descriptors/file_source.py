"""FileSource: the DescriptorSource of files that are all there from the start."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from grpcdoctor.client.close_names import close_names
from grpcdoctor.client.descriptors.linker import Linker
from grpcdoctor.client.descriptors.symbols import extensions_in_pool, file_of, names_in, with_dependencies
from grpcdoctor.client.errors import NotFoundError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcdoctor.client.call import AnyDescriptor


class FileSource:
    """See DescriptorSource. Raises SchemaError at once where an import is missing: files are given with their imports,
    but for the well-known ones."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        self._linker = Linker()
        names = []
        for file in files:
            self._linker.give(file)
            names.append(file.name)
        for name in self._linker.unknown(names):
            self._linker.give_up(name)
        # What a well-known file imports is well-known as well.
        for name in self._linker.unknown(names):
            self._linker.give_up(name)
        try:
            self._files = [self._linker.link(name) for name in names]
        except NotFoundError as missing:
            raise SchemaError(f'no descriptor found for "{_root(missing).name}"') from missing
        self._check_imports()

    def _check_imports(self) -> None:
        """An import that nothing uses could be missing, and protoc never writes a set without it."""
        for file in self._linker.files:
            for name in file.dependency:
                try:
                    self._linker.link(name)
                except NotFoundError as missing:
                    raise SchemaError(f'no descriptor found for "{name}"') from missing

    async def list_services(self) -> list[str]:
        return sorted(service.full_name for file in self._files for service in file.services_by_name.values())

    async def find_symbol(self, name: str) -> AnyDescriptor:
        found = self._linker.find(name)
        if found is None:
            raise NotFoundError("Symbol", name, close_names(name, self._names))
        return found

    async def extensions_of(self, message: str) -> list[FieldDescriptor]:
        extended = self._linker.find_message(message)
        return extensions_in_pool(extended) if extended is not None else []

    async def files_of(self, symbols: Sequence[str]) -> list[FileDescriptor]:
        found = [await self.find_symbol(name) for name in symbols]
        return with_dependencies(file_of(symbol) for symbol in found)

    @cached_property
    def _names(self) -> list[str]:
        return list(names_in(self._files))


def _root(missing: NotFoundError) -> NotFoundError:
    while missing.caused_by is not None:
        missing = missing.caused_by
    return missing
