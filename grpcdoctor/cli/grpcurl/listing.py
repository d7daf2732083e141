"""`list`: the services, or the methods of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.cli.go_words import quoted
from grpcdoctor.cli.grpcurl.exporting import export
from grpcdoctor.cli.grpcurl.failures import Failure
from grpcdoctor.client.errors import ClientError, NotFoundError

if TYPE_CHECKING:
    from grpcdoctor.cli.grpcurl.console import Console
    from grpcdoctor.cli.grpcurl.order import Order
    from grpcdoctor.client.call import DescriptorSource


async def run_list(order: Order, source: DescriptorSource, console: Console) -> None:
    """Raises Failure."""
    if order.symbol:
        names, nothing, symbols = await _methods(source, order.symbol), "(No methods)", [order.symbol]
    else:
        names, nothing = await _services(source), "(No services)"
        symbols = names
    console.out("\n".join(names or [nothing]) + "\n")
    await export(order.flags, source, symbols)


async def _services(source: DescriptorSource) -> list[str]:
    try:
        return sorted(await source.list_services())
    except ClientError as failed:
        raise Failure("Failed to list services", failed) from failed


async def _methods(source: DescriptorSource, name: str) -> list[str]:
    from google.protobuf.descriptor import ServiceDescriptor

    try:
        service = await source.find_symbol(name)
        if not isinstance(service, ServiceDescriptor):
            raise NotFoundError("Service", name)
    except ClientError as failed:
        raise Failure(f"Failed to list methods for service {quoted(name)}", failed) from failed
    return sorted(method.full_name for method in service.methods)
