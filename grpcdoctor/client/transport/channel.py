"""open_channel: the Channel for a target, by the protocol that is to be spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grpcdoctor.client.call import Channel
    from grpcdoctor.client.options import ChannelOptions


def open_channel(options: ChannelOptions) -> Channel:
    """A channel that is not connected yet: its first call, or `connect`, does that. Raises ClientError where the
    options contradict each other."""
    if options.alts or options.grpcio_target is not None:
        from grpcdoctor.client.transport.grpcio_channel import GrpcioChannel

        return GrpcioChannel(options)
    from grpcdoctor.client.transport.http_channel import HttpChannel

    return HttpChannel(options)
