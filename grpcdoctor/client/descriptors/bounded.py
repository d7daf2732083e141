"""BoundedSource: a server's reflection of which every answer comes in time, or an error does."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, TypeVar

from grpcdoctor.client.errors import RpcError
from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor, FileDescriptor

    from grpcdoctor.client.call import AnyDescriptor
    from grpcdoctor.client.descriptors.reflection import ReflectionSource

T = TypeVar("T")


class BoundedSource:
    """Every question may take so many seconds. Raises RpcError (DEADLINE_EXCEEDED) where it takes longer, and what
    the source raises. One deadline for all would end while the user still fills in a request."""

    def __init__(self, source: ReflectionSource, seconds: float) -> None:
        self._source = source
        self._seconds = seconds

    async def list_services(self) -> list[str]:
        return await self._in_time(self._source.list_services())

    async def find_symbol(self, name: str) -> AnyDescriptor:
        return await self._in_time(self._source.find_symbol(name))

    async def extensions_of(self, message: str) -> list[FieldDescriptor]:
        return await self._in_time(self._source.extensions_of(message))

    async def files_of(self, symbols: Sequence[str]) -> list[FileDescriptor]:
        return await self._in_time(self._source.files_of(symbols))

    async def adopt(self, file: FileDescriptor) -> None:
        await self._in_time(self._source.adopt(file))

    async def _in_time(self, answer: Awaitable[T]) -> T:
        try:
            return await Deadline.after(self._seconds).wait(answer)
        except TimeoutError:
            late = f"reflection did not answer within {self._seconds:g} s"
            raise RpcError(Status(GrpcStatus.DEADLINE_EXCEEDED, late, from_peer=False)) from None
