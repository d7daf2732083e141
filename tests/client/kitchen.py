"""The kitchen's schema as descriptors, without a server."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from grpcdoctor.client.errors import NotFoundError
from tests.lab.kitchen_sink.schema import compile_protos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

    from grpcdoctor.client.call import AnyDescriptor


@cache
def pool() -> Any:
    made: Any = DescriptorPool()
    for file in FileDescriptorSet.FromString(compile_protos()).file:
        made.Add(file)
    return made


def message(name: str) -> Descriptor:
    found: Descriptor = pool().FindMessageTypeByName(name)
    return found


class KitchenSource:
    """A DescriptorSource of it."""

    async def list_services(self) -> list[str]:
        return ["kitchen.v1.Echo", "kitchen.v1.Script"]

    async def find_symbol(self, name: str) -> AnyDescriptor:
        for kind in ("Service", "MessageType", "EnumType"):
            try:
                found: AnyDescriptor = getattr(pool(), f"Find{kind}ByName")(name)
            except KeyError:
                continue
            return found
        raise NotFoundError("Symbol", name)

    async def extensions_of(self, message: str) -> list[FieldDescriptor]:
        return []

    async def files_of(self, symbols: Sequence[str]) -> list[FileDescriptor]:
        return [pool().FindFileContainingSymbol(symbol) for symbol in symbols]
