"""`describe`: elements of the schema as proto source, with -msg-template also a message as a request may look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.cli.go_words import quoted
from grpcdoctor.cli.grpcurl.exporting import export
from grpcdoctor.cli.grpcurl.failures import Failure
from grpcdoctor.client.errors import ClientError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from grpcdoctor.cli.grpcurl.console import Console
    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.cli.grpcurl.order import Order
    from grpcdoctor.client.call import DescriptorSource


async def run_describe(order: Order, source: DescriptorSource, console: Console) -> None:
    """The first symbol that cannot be described ends the run. Raises Failure."""
    symbols = [order.symbol] if order.symbol else await _services(source, console)
    symbols = [symbol.removeprefix(".") for symbol in symbols]
    for symbol in symbols:
        await _describe(symbol, order.flags, source, console)
    await export(order.flags, source, symbols)


async def _services(source: DescriptorSource, console: Console) -> list[str]:
    try:
        services = await source.list_services()
    except ClientError as failed:
        raise Failure("Failed to list services", failed) from failed
    if not services:
        console.out("Server returned an empty list of exposed services\n")
    return services


async def _describe(symbol: str, flags: Flags, source: DescriptorSource, console: Console) -> None:
    from google.protobuf.descriptor import Descriptor

    from grpcdoctor.client.printing.element import element_of, full_name_of
    from grpcdoctor.client.printing.proto_source import source_of

    try:
        found = await source.find_symbol(symbol)
    except ClientError as failed:
        raise Failure(f"Failed to resolve symbol {quoted(symbol)}", failed) from failed
    words, printed = element_of(found)
    console.out(f"{full_name_of(found)} is {words}:\n{source_of(printed)}\n")
    if flags.msg_template and isinstance(printed, Descriptor):
        console.out(f"\nMessage template:\n{await _template(printed, flags, source)}\n")


async def _template(message: Descriptor, flags: Flags, source: DescriptorSource) -> str:
    """Whatever -emit-defaults says, all fields are to be seen."""
    from grpcdoctor.cli.grpcurl.formats import writer_of
    from grpcdoctor.client.formats.template import template_of
    from grpcdoctor.client.formats.types import Types

    writer = writer_of(flags._replace(emit_defaults=True))
    try:
        return await writer.write(template_of(message), Types(source, fill_in=False))
    except ClientError as failed:
        raise Failure(f"Failed to print template for message {message.full_name}", failed) from failed
