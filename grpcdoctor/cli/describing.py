"""`describe`: asks, and prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from grpcdoctor.cli.exporting import export
from grpcdoctor.cli.schema_command import run_on_source, target_and_symbol
from grpcdoctor.cli.terminal import style_of, write
from grpcdoctor.client.describing import Description, describe
from grpcdoctor.client.symbols import symbol_of

if TYPE_CHECKING:
    from grpcdoctor.cli.client_options import ClientOptions
    from grpcdoctor.client.call import DescriptorSource
    from grpcdoctor.report.call_json import Failure


def run_describe(client: ClientOptions, given: dict[str, Any]) -> int:
    """The exit code. Raises click.UsageError."""
    target, symbol = target_and_symbol(client, given["target"], given["symbol"])

    async def work(source: DescriptorSource) -> None:
        names = [symbol_of(symbol)] if symbol is not None else sorted(await source.list_services())
        found = [await describe(source, name, given["template"] and symbol is not None) for name in names]
        await export(source, names, given["protoset_out"], given["proto_out_dir"])
        if given["output"] == "json":
            from grpcdoctor.report.schema_json import description_json

            write(description_json(found, target, None))
        else:
            write(_text(found, given))

    def failed(failure: Failure) -> None:
        if given["output"] == "json":
            from grpcdoctor.report.schema_json import description_json

            write(description_json([], target, failure))

    return run_on_source("describe", client, target, work, failed)


def _text(found: list[Description], given: dict[str, Any]) -> str:
    from grpcdoctor.report.description import text_of

    style = style_of(sys.stdout, colour=not given["no_color"], verbose=given["verbose"])
    return "\n".join(text_of(each, style) for each in found)
