"""`list`: asks, and prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from grpcdoctor.cli.errors import say
from grpcdoctor.cli.exporting import export
from grpcdoctor.cli.schema_command import run_on_source, target_and_symbol
from grpcdoctor.cli.terminal import style_of, write
from grpcdoctor.client.listing import list_service, list_services
from grpcdoctor.report import clean

if TYPE_CHECKING:
    from grpcdoctor.cli.client_options import ClientOptions
    from grpcdoctor.client.call import DescriptorSource
    from grpcdoctor.client.listing import ListedService
    from grpcdoctor.model.target import Target
    from grpcdoctor.report.call_json import Failure


def run_list(client: ClientOptions, given: dict[str, Any]) -> int:
    """The exit code. Raises click.UsageError."""
    target, service = target_and_symbol(client, given["target"], given["service"])
    if service is not None:
        service = service.removeprefix(".")

    async def work(source: DescriptorSource) -> None:
        if service is None:
            found = await list_services(source, given["verbose"])
        else:
            found = [await list_service(source, service)]
        await export(source, [each.name for each in found], given["protoset_out"], given["proto_out_dir"])
        _print(found, service is not None, target, given)

    def failed(failure: Failure) -> None:
        if given["output"] == "json":
            from grpcdoctor.report.schema_json import listing_json

            write(listing_json([], target, failure))

    return run_on_source("list", client, target, work, failed)


def _print(found: list[ListedService], single: bool, target: Target | None, given: dict[str, Any]) -> None:
    if given["output"] == "json":
        from grpcdoctor.report.schema_json import listing_json

        write(listing_json(found, target, None))
    elif given["verbose"]:
        from grpcdoctor.report.listing import table

        write(table(found, style_of(sys.stdout, colour=not given["no_color"])))
    elif single:
        names = [f"{service.name}/{method.name}" for service in found for method in service.methods or ()]
        write("".join(f"{clean.visible(name)}\n" for name in names))
    else:
        write("".join(f"{clean.visible(service.name)}\n" for service in found))
    if not found or (single and not found[0].methods):
        say(f"grpcdoctor list: there are no {'methods' if single else 'services'}")
