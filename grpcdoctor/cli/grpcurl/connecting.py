"""The connection that a command line asks for: its options, and the dial."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.go_words import quoted
from grpcdoctor.cli.grpcurl.address import AddressError, full_address, is_xds, read_address, unread_address
from grpcdoctor.cli.grpcurl.failures import Failure, Misuse
from grpcdoctor.cli.grpcurl.names import USER_AGENT
from grpcdoctor.client.errors import ClientError, ConnectError

if TYPE_CHECKING:
    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.cli.grpcurl.order import Order
    from grpcdoctor.cli.grpcurl.timing import Timing
    from grpcdoctor.client.call import Channel
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.wire.deadline import Deadline

# grpc-go allows no more frequent pings (internal.KeepaliveMinPingTime).
_SHORTEST_KEEPALIVE: Final = 10.0


async def dial(
    order: Order, options: ChannelOptions, timing: Timing, warn: Callable[[str], None], deadline: Deadline | None
) -> Channel:
    """A connected channel. Raises Failure, Misuse."""
    from grpcdoctor.client.transport.channel import open_channel

    flags = order.flags
    with timing.step("Dial") as dialling:
        if flags.tls:
            with dialling.step("TLS Setup"):
                _check_tls(flags, warn)
        with dialling.step("BlockingDial"):
            try:
                channel = open_channel(options)
            except ClientError as contrary:
                raise _not_dialled(order, contrary) from contrary
            try:
                await channel.connect(deadline)
            except ConnectError as failed:
                await channel.close()
                raise _not_dialled(order, failed) from failed
    return channel


def channel_options(order: Order) -> ChannelOptions:
    """Raises Failure for an address that cannot be read."""
    from grpcdoctor.client.options import ChannelOptions

    flags = order.flags
    xds = is_xds(order.address)
    try:
        target = unread_address(flags, order.address) if xds else read_address(flags, order.address)
        options = ChannelOptions(target, grpcio_target=order.address if xds else None)
    except AddressError as wrong:
        raise _not_dialled(order, wrong) from wrong
    return options._replace(
        insecure=flags.insecure,
        cacert=None if flags.insecure else flags.cacert or None,
        cert=flags.cert or None,
        key=flags.key or None,
        connect_timeout=flags.connect_timeout or options.connect_timeout,
        keepalive=max(flags.keepalive_time, _SHORTEST_KEEPALIVE) if flags.keepalive_time else None,
        max_message_bytes=flags.max_msg_sz or options.max_message_bytes,
        alts=flags.alts,
        alts_handshaker_service=flags.alts_handshaker_service or None,
        alts_target_service_accounts=tuple(flags.alts_target_service_account),
        user_agent=f"{flags.user_agent} {USER_AGENT}" if flags.user_agent else USER_AGENT,
    )


def _not_dialled(order: Order, why: Exception) -> Failure:
    return Failure(f"Failed to dial target host {quoted(full_address(order.flags, order.address))}", why)


def _check_tls(flags: Flags, warn: Callable[[str], None]) -> None:
    """What can be told of the files before they are used, and of names that contradict each other."""
    from grpcdoctor.cli.grpcurl.tls_files import check_tls_files

    check_tls_files(flags)
    if flags.servername and flags.authority:
        if flags.servername != flags.authority:
            raise Misuse("Cannot specify different values for -servername and -authority.")
        warn("Both -servername and -authority are present; prefer only -authority.")
