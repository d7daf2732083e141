"""Types: the message types that are only named inside of messages, found while one is read or written.

Readers and writers are plain functions; a descriptor source answers asynchronously. A type that was not looked up yet
stops them (TypeNeededError); `settle` looks it up and lets them run again.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from grpcdoctor.client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.descriptor_pool import DescriptorPool

    from grpcdoctor.client.call import DescriptorSource

# A message that names more types than this is a hostile one: what comes after them stays unknown.
_LOOKUPS: Final = 200
# Linked into grpcurl, so that it shows them whatever the source knows.
_LINKED: Final = frozenset({"google.rpc.Status"})
_LINKED_PACKAGE: Final = "google.protobuf."
_FILLED_IN_PACKAGE: Final = "google.rpc."

# Of the packages protobuf and googleapis-common-protos.
_LOCAL_MODULES: Final = (
    *("protobuf.any", "protobuf.api", "protobuf.descriptor", "protobuf.duration", "protobuf.empty"),
    *("protobuf.field_mask", "protobuf.source_context", "protobuf.struct", "protobuf.timestamp", "protobuf.type"),
    "protobuf.wrappers",
    *("rpc.error_details", "rpc.status"),
)

T = TypeVar("T")


class TypeNeededError(Exception):
    """The message type `name` was not looked up yet."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Types:
    """Message types by full name: those of a pool and of a source; failing that, those of google.protobuf and of
    google.rpc (error details), which this program has itself. With `fill_in` False only those of them that grpcurl has.
    """

    def __init__(
        self, source: DescriptorSource | None = None, *, pool: DescriptorPool | None = None, fill_in: bool = True
    ) -> None:
        self.derived: dict[Hashable, Any] = {}
        """What readers and writers worked out of these types, by their own keys."""
        self._source = source
        self._pool = pool
        self._fill_in = fill_in
        self._found: dict[str, Descriptor | None] = {}
        self._linked: set[str] = set()

    def find(self, name: str) -> Descriptor | None:
        """None where nobody knows it. Raises TypeNeededError where nobody was asked yet."""
        if name in self._found:
            return self._found[name]
        found = _find_in(self._pool, name) if self._pool is not None else None
        if found is not None:
            return found
        if self._source is not None and len(self._found) < _LOOKUPS:
            raise TypeNeededError(name)
        return self._find_locally(name)

    def is_linked(self, name: str) -> bool:
        """Not the source's: grpcurl prints such a message as compiled code does (its order of fields, its numbers)."""
        return name in self._linked

    def find_linked(self, name: str) -> Descriptor | None:
        """A type that grpcurl has compiled in, whatever the source knows of it."""
        return _local(name) if name.startswith(_LINKED_PACKAGE) or name in _LINKED else None

    async def settle(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises once all types that it asks for were looked up."""
        while True:
            try:
                return work()
            except TypeNeededError as needed:
                await self._look_up(needed.name)

    async def _look_up(self, name: str) -> None:
        from google.protobuf.descriptor import Descriptor

        assert self._source is not None
        try:
            found = await self._source.find_symbol(name)
            if isinstance(found, Descriptor):
                if found.is_extendable:
                    await self._source.extensions_of(name)
                self._found[name] = found
                return
        except ClientError:  # no such type, or nobody could be asked: the message is shown without it
            pass
        self._find_locally(name)

    def _find_locally(self, name: str) -> Descriptor | None:
        wanted = self._fill_in and name.startswith(_FILLED_IN_PACKAGE)
        found = _local(name) if wanted else self.find_linked(name)
        if found is not None:
            self._linked.add(name)
        if found is not None or len(self._found) < _LOOKUPS:
            self._found[name] = found
        return found


def _local(name: str) -> Descriptor | None:
    from google.protobuf.descriptor_pool import Default

    for module in _LOCAL_MODULES:
        import_module(f"google.{module}_pb2")
    return _find_in(Default(), name)


def _find_in(pool: DescriptorPool, name: str) -> Descriptor | None:
    try:
        return pool.FindMessageTypeByName(name)
    except KeyError:
        return None
