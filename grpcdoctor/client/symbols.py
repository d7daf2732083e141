"""The symbols that a source knows, as users name them, and those that are close to a name that it does not know."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import ClientError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor

    from grpcdoctor.client.call import AnyDescriptor, DescriptorSource

_SUGGESTIONS: Final = 3
# difflib needs a second for some ten thousand; a real schema has hundreds.
_COMPARED: Final = 5000


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


def close_names(name: str, known: Sequence[str]) -> list[str]:
    """The same last name in another package first, then what is spelled like the whole or like the last name. Case is
    a common slip, and difflib counts it as heavily as any other."""
    last, known = _last(name), known[:_COMPARED]
    by_name = {each.lower(): each for each in known}
    by_last: dict[str, list[str]] = {}
    for each in known:
        by_last.setdefault(_last(each), []).append(each)
    alike = [by_name[each] for each in get_close_matches(name.lower(), list(by_name), n=_SUGGESTIONS)]
    alike_last = [one for each in get_close_matches(last, list(by_last), n=_SUGGESTIONS) for one in by_last[each]]
    return list(dict.fromkeys([*by_last.get(last, ()), *alike, *alike_last]))[:_SUGGESTIONS]


def _last(name: str) -> str:
    return name.rpartition(".")[2].lower()
