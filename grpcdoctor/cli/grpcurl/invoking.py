"""A call: requests from -d, responses and status as they come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.go_words import quoted
from grpcdoctor.cli.grpcurl.call_printer import CallPrinter
from grpcdoctor.cli.grpcurl.exporting import export
from grpcdoctor.cli.grpcurl.failures import Failure
from grpcdoctor.cli.grpcurl.flags import JSON
from grpcdoctor.cli.grpcurl.formats import writer_of
from grpcdoctor.cli.grpcurl.headers import read_headers
from grpcdoctor.cli.grpcurl.outcome import Outcome
from grpcdoctor.client.errors import ClientError, ConnectError, RequestError, RpcError
from grpcdoctor.client.formats.types import Types
from grpcdoctor.client.invoke import Requests, SurplusRequestError, invoke
from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from grpcdoctor.cli.grpcurl.console import Console
    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.cli.grpcurl.formats import Writer
    from grpcdoctor.cli.grpcurl.session import Session
    from grpcdoctor.client.call import DescriptorSource
    from grpcdoctor.client.requests import Read
    from grpcdoctor.wire.streams import Headers

_STANDARD_INPUT: Final = "@"


async def run_call(session: Session, source: DescriptorSource, console: Console) -> Outcome:
    """How the call ended, printed where that is not OK. Raises Failure."""
    order, flags = session.order, session.order.flags
    channel = await session.channel()
    types = Types(source, fill_in=False)
    writer = writer_of(flags)
    printer = CallPrinter(console, flags, writer, types)
    requests = _requests(flags, types)
    metadata = read_headers((*flags.headers, *flags.rpc_header))
    try:
        with session.timing.step("InvokeRPC"):
            status = await invoke(channel, source, order.symbol, requests, metadata, printer, deadline=session.deadline)
    except ClientError as failed:
        ending = _status_of(failed, flags, printer.method)
        if ending is None:
            raise _failure(order.symbol, failed, flags, printer.method) from failed
        status = ending
    printer.summary(requests.count)
    if not status.ok:
        await _print_status(status, flags, writer, Types(source), console)
    if printer.method is not None:
        await export(flags, source, [printer.method.containing_service.full_name])
    return _outcome(status, metadata, printer)


def _outcome(status: Status, metadata: Headers, printer: CallPrinter) -> Outcome:
    if status.ok:
        return Outcome()
    from grpcdoctor.cli.client_failures import exit_code_of

    method = printer.method
    name = f"{method.containing_service.full_name}/{method.name}" if method is not None else None
    return Outcome(exit_code_of(status), status, metadata, printer.answer, name)


def _requests(flags: Flags, types: Types) -> Requests:
    from grpcdoctor.client.requests import JsonRequests, TextRequests, reader_of

    read = _standard_input() if flags.data == _STANDARD_INPUT else reader_of(os.fsencode(flags.data))
    if flags.format == JSON:
        return JsonRequests(read, types, allow_unknown=flags.allow_unknown_fields)
    return TextRequests(read, types)


def _standard_input() -> Read:
    from grpcdoctor.cli.terminal import standard_input
    from grpcdoctor.client.incoming import Incoming

    return Incoming(standard_input()).read


def _status_of(error: ClientError, flags: Flags, method: MethodDescriptor | None) -> Status | None:
    """A connection that is lost ends a call; the status of reflection counts with -format-error."""
    if isinstance(error, ConnectError) and method is not None:
        return Status(GrpcStatus.UNAVAILABLE, str(error), from_peer=False)
    if isinstance(error, RpcError) and flags.format_error:
        return error.status
    return None


def _failure(symbol: str, error: ClientError, flags: Flags, method: MethodDescriptor | None) -> Failure:
    what, hint = f"Error invoking method {quoted(symbol)}", ""
    if isinstance(error, RequestError) and not isinstance(error, SurplusRequestError):
        if method is not None and method.client_streaming and method.server_streaming:
            what += f": grpc call for {quoted(method.full_name)} failed"
        what += ": error getting request data"
        if flags.data.startswith(_STANDARD_INPUT) and flags.data != _STANDARD_INPUT:
            hint = f"To read the request from a file write: -d @ < {flags.data[1:]}"
    return Failure(what, error, hint)


async def _print_status(status: Status, flags: Flags, writer: Writer, types: Types, console: Console) -> None:
    from grpcdoctor.cli.grpcurl.status_words import error_text, formatted

    say = formatted if flags.format_error else error_text
    console.err(await say(status, writer, types))
