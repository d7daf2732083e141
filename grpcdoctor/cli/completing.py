"""What a shell completes of a command line that is being typed: services, methods and symbols, by reflection.

It is asked with the options that stand on the line already. Whatever goes wrong, nothing is offered and nothing said:
a prompt that is being edited is no place for errors.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import CompletionItem

from grpcdoctor.cli.client_options import ClientOptions, client_of
from grpcdoctor.cli.completion import OPEN

if TYPE_CHECKING:
    from google.protobuf.descriptor import ServiceDescriptor

    from grpcdoctor.client.call import DescriptorSource

_SECONDS: Final = 2.0
"""Longer than this nobody waits for a Tab."""

# A shell puts what is offered into the line as it is, and a server calls its services what it likes.
_NAME: Final = re.compile(r"[A-Za-z0-9_./]+")

Names = Callable[["DescriptorSource", str], Awaitable[list[CompletionItem]]]


def completing(names: Names, word: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """For the `shell_complete` of an argument. `word` is the name of the one that `names` is for; TARGET is completed
    by it too where files stand in for a server."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        import asyncio

        try:
            client = client_of(ctx.params)
            target = ctx.params.get("target")
            if param.name != word and (client.reflects or not client.has_files):
                return []
            return asyncio.run(_bounded(client, target, names, incomplete))
        except Exception:
            return []

    return complete


async def _bounded(
    client: ClientOptions, target: str | None, names: Names, incomplete: str
) -> list[CompletionItem]:
    import asyncio

    return await asyncio.wait_for(_ask(client, target, names, incomplete), _SECONDS)


async def _ask(client: ClientOptions, target: str | None, names: Names, incomplete: str) -> list[CompletionItem]:
    from grpcdoctor.cli.session import open_session

    async with open_session(client, client.target(target) if client.reflects and target else None) as session:
        return [item for item in await names(session.source, incomplete) if _NAME.fullmatch(item.value)]


async def services(source: DescriptorSource, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(await source.list_services()) if name.startswith(incomplete)]


async def methods(source: DescriptorSource, incomplete: str) -> list[CompletionItem]:
    """`package.Service/` until a service is named, then its methods."""
    service, slash, _ = incomplete.partition("/")
    known = sorted(await source.list_services())
    if not slash:
        fitting = [name for name in known if name.startswith(incomplete)]
        if len(fitting) != 1:
            return [CompletionItem(f"{name}/", type=OPEN) for name in fitting]
        service = fitting[0]
    elif service not in known:
        return []
    offered = [CompletionItem(name) for name in await _methods_of(source, service)]
    return [item for item in offered if item.value.startswith(incomplete)]


async def symbols(source: DescriptorSource, incomplete: str) -> list[CompletionItem]:
    """Services, then their messages and enums; behind a slash methods."""
    from grpcdoctor.client.symbols import all_symbols

    if "/" in incomplete:
        return await methods(source, incomplete)
    dot = "." if incomplete.startswith(".") else ""
    names = await all_symbols(source)
    return [CompletionItem(dot + name) for name in names if (dot + name).startswith(incomplete)]


async def _methods_of(source: DescriptorSource, service: str) -> list[str]:
    from google.protobuf.descriptor import ServiceDescriptor

    found: ServiceDescriptor | object = await source.find_symbol(service)
    if not isinstance(found, ServiceDescriptor):
        return []
    return [f"{service}/{method.name}" for method in sorted(found.methods, key=lambda each: each.name)]
