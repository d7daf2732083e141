"""The symbols that a source knows, as users name them, and those that are close to a name that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.close_names import close_names
from grpcdoctor.client.errors import ClientError, NotFoundError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcdoctor.client.call import AnyDescriptor, DescriptorSource


def symbol_of(text: str) -> str:
    """`.package.Name` and `package.Service/Method`, as descriptors have them: package.Name, package.Service.Method."""
    return text.strip().removeprefix(".").removeprefix("/").replace("/", ".")


async def find_symbol(source: DescriptorSource, name: str) -> AnyDescriptor:
    """By its full name. Raises NotFoundError with names that are close, and what else the source raises."""
    try:
        return await source.find_symbol(name)
    except NotFoundError as missing:
        if missing.suggestions or missing.caused_by is not None:
            raise
        raise NotFoundError(missing.kind, missing.name, await _close(source, name)) from missing


async def close_services(source: DescriptorSource, name: str) -> list[str]:
    """Services whose names are close, or that have the same name in another package."""
    try:
        return close_names(name, await source.list_services())
    except ClientError:  # it is only asked for a hint
        return []


async def all_symbols(source: DescriptorSource) -> list[str]:
    """The services, then the messages and enums of their files and of all that these import."""
    services = sorted(await source.list_services())
    found = list(services)
    for file in await source.files_of(services):
        for message in file.message_types_by_name.values():
            found += _names_in(message)
        found += [enum.full_name for enum in file.enum_types_by_name.values()]
    return found


def _names_in(message: Descriptor) -> list[str]:
    found = [message.full_name, *(enum.full_name for enum in message.enum_types)]
    for nested in message.nested_types:
        if not nested.GetOptions().map_entry:
            found += _names_in(nested)
    return found


async def _close(source: DescriptorSource, name: str) -> list[str]:
    try:
        known = await all_symbols(source)
    except ClientError:  # it is only asked for a hint
        try:
            known = await source.list_services()
        except ClientError:
            return []
    return close_names(name, known)
