"""Linker: the files of one source, put together in one DescriptorPool as they are needed.

Only where files contradict each other are there more pools: each holds a file with all that it imports.

A file that is missing is no trouble as long as nothing that is needed uses it: it is often imported for its options
alone. So a file is linked without the imports that nobody has, and only where that fails is the missing file to blame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.descriptors.doubles import DoubledError, as_reference, declared_elsewhere, is_same
from grpcdoctor.client.descriptors.light_protobuf import prepare_protobuf
from grpcdoctor.client.descriptors.lost_imports import Declarations
from grpcdoctor.client.descriptors.originals import with_original
from grpcdoctor.client.descriptors.symbols import find_symbol
from grpcdoctor.client.descriptors.tiny_defaults import with_exact_defaults
from grpcdoctor.client.descriptors.well_known import well_known_file
from grpcdoctor.client.errors import NotFoundError, SchemaError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import Descriptor, FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    from grpcdoctor.client.call import AnyDescriptor

# More files than any real schema has: a server that invents dependencies ends here.
FILES_LIMIT: Final = 4000
_BYTES_LIMIT: Final = 128 * 1024 * 1024
# More contradicting versions of a file than any server has.
_POOLS_LIMIT: Final = 50
# Deeper than any real schema imports.
_DEPTH_LIMIT: Final = 200


class Linker:
    """`give` it files, then `link` one: all that it imports is linked before it."""

    def __init__(self, beside: Linker | None = None) -> None:
        """`beside`: of the same files, in another pool."""
        prepare_protobuf()
        from google.protobuf.descriptor_pool import DescriptorPool

        # types-protobuf does not know all of a pool's look-ups.
        self._pool: Any = DescriptorPool()
        self._given: dict[str, FileDescriptorProto] = {} if beside is None else beside._given
        self._absent: set[str] = set() if beside is None else beside._absent
        self._place: int = 1 if beside is None else beside._place + 1
        self._next: Linker | None = None
        self._bytes = 0
        self._linked: dict[str, FileDescriptor] = {}
        self._unlinkable: dict[str, SchemaError] = {}
        self._declarations: Declarations = Declarations() if beside is None else beside._declarations

    def give(self, file: FileDescriptorProto) -> None:
        """A file of the source; the first of a name stays. Raises SchemaError for names that are no text, and where
        there are too many files."""
        names: list[object] = [file.name, file.package, file.syntax, *file.dependency]
        if not all(isinstance(name, str) for name in names):  # protobuf gives what is no UTF-8 as bytes
            raise SchemaError("a name in the descriptors is no UTF-8")
        if file.name in self._given:
            return
        if _is_placeholder(file):
            self.give_up(file.name)
            return
        self._bytes += file.ByteSize()
        if len(self._given) >= FILES_LIMIT or self._bytes > _BYTES_LIMIT:
            raise SchemaError(f"the schema has more than {FILES_LIMIT} files or {_BYTES_LIMIT} bytes")
        self._given[file.name] = file

    def give_up(self, name: str) -> None:
        """The source has no such file: a well-known one of that name is used, if there is one."""
        file = well_known_file(name)
        if file is None:
            self._absent.add(name)
        else:
            self.give(file)

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Of these files and all that they import, those that were neither given nor given up. Raises SchemaError where
        no real schema has so many."""
        found: dict[str, None] = {}
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in seen or name in self._absent:
                continue
            seen.add(name)
            if name in self._given:
                waiting += self._given[name].dependency
            else:
                found[name] = None
        if len(found) + len(self._absent) > FILES_LIMIT:
            raise SchemaError(f"the schema's files import more than {FILES_LIMIT} others that are not there")
        return list(found)

    def given(self, name: str) -> FileDescriptorProto | None:
        """The file of that name, where one was given."""
        return self._given.get(name)

    @property
    def files(self) -> list[FileDescriptorProto]:
        """All that were given."""
        return list(self._given.values())

    def link(self, name: str) -> FileDescriptor:
        """The linked file. Raises NotFoundError with the chain to the file that is missing, and SchemaError."""
        is_fresh = not self._linked
        try:
            return self._link(name, ())
        except DoubledError:
            if is_fresh or self._place == _POOLS_LIMIT:
                raise
            if self._next is None:
                self._next = Linker(beside=self)
            return self._next.link(name)

    def find(self, name: str) -> AnyDescriptor | None:
        """Of what was linked: a symbol by its full name."""
        return next((found for found in (find_symbol(pool, name) for pool in self._pools()) if found is not None), None)

    def find_message(self, name: str) -> Descriptor | None:
        """Of what was linked."""
        for pool in self._pools():
            try:
                found: Descriptor = pool.FindMessageTypeByName(name)
            except KeyError:
                continue
            return found
        return None

    def _pools(self) -> Iterator[Any]:
        linker: Linker | None = self
        while linker is not None:
            yield linker._pool
            linker = linker._next

    def _link(self, name: str, path: tuple[str, ...]) -> FileDescriptor:
        if name in self._linked:
            return self._linked[name]
        if name in self._unlinkable:
            raise self._unlinkable[name]
        if name in path:
            circle = printable(" -> ".join((*path, name)))
            raise SchemaError(f"the schema's files import each other in a circle: {circle}")
        if len(path) > _DEPTH_LIMIT:
            raise SchemaError(f"the schema's files import each other more than {_DEPTH_LIMIT} deep")
        try:
            linked = self._linked[name] = self._link_given(name, path)
        except SchemaError as broken:
            self._unlinkable[name] = broken
            raise
        return linked

    def _link_given(self, name: str, path: tuple[str, ...]) -> FileDescriptor:
        file = self._given.get(name)
        if file is None:
            raise NotFoundError("File", name)
        missing: dict[str, NotFoundError] = {}
        for dependency in file.dependency:
            try:
                self._link(dependency, (*path, name))
            except NotFoundError as absent:
                missing[dependency] = absent
        try:
            self._add(_without(file, missing))
        except DoubledError:
            raise
        except Exception as broken:  # the pool raises TypeError, KeyError or its own, by implementation
            self._declarations.add(self._given.values())
            whole = self._declarations.with_lost_imports(file)
            if whole is not None:
                self._given[name] = whole
                return self._link_given(name, path)
            if missing:
                raise NotFoundError("File", name, caused_by=next(iter(missing.values()))) from broken
            raise SchemaError(f"the descriptor of {printable(name)} is inconsistent: {_reason(broken)}") from broken
        linked: FileDescriptor = self._pool.FindFileByName(name)
        return linked

    def _add(self, file: FileDescriptorProto) -> None:
        """Raises DoubledError, and what the pool raises."""
        try:
            self._pool.Add(with_original(file))
        except Exception as broken:
            exact = with_exact_defaults(file)
            if exact is not None:
                self._pool.Add(with_original(exact, file))
                return
            other = declared_elsewhere(file, self._pool)
            if other is None:
                raise
            if not is_same(file, other):
                why = f"the descriptor of {printable(file.name)} contradicts that of {printable(other.name)}"
                raise DoubledError(f"{why}: {_reason(broken)}") from broken
            self._pool.Add(as_reference(file, other))


def _is_placeholder(file: FileDescriptorProto) -> bool:
    """protobuf-go's word for a file that the server itself lacks (fullstorydev/grpcurl#423)."""
    return file.syntax.startswith("<unknown")


def _without(file: FileDescriptorProto, missing: Iterable[str]) -> FileDescriptorProto:
    """The file without these imports, and without the places at which public and weak ones are noted."""
    lost = set(missing)
    if not lost:
        return file
    kept = [index for index, name in enumerate(file.dependency) if name not in lost]
    places = {old: new for new, old in enumerate(kept)}
    left = type(file)()
    left.CopyFrom(file)
    left.dependency[:] = [file.dependency[index] for index in kept]
    left.public_dependency[:] = [places[index] for index in file.public_dependency if index in places]
    left.weak_dependency[:] = [places[index] for index in file.weak_dependency if index in places]
    return left


def _reason(broken: Exception) -> str:
    """The pool's words without its preamble, in one line."""
    words = " ".join(str(broken).split())
    return printable(words.removeprefix("Couldn't build proto file into descriptor pool: "))
