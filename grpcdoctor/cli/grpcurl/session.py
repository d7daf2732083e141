"""Session: the one connection of a run, made when it is needed, and where the schema comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.grpcurl.connecting import channel_options, dial
from grpcdoctor.cli.grpcurl.failures import Failure
from grpcdoctor.cli.grpcurl.headers import read_headers
from grpcdoctor.client.errors import ClientError, RpcError
from grpcdoctor.client.metadata import trouble_with
from grpcdoctor.client.status import Status
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.cli.grpcurl.order import Order
    from grpcdoctor.cli.grpcurl.timing import Timing
    from grpcdoctor.client.call import Channel, DescriptorSource
    from grpcdoctor.client.descriptors.file_source import FileSource
    from grpcdoctor.client.descriptors.reflection import ReflectionSource
    from grpcdoctor.client.options import ChannelOptions

# time.Duration ends here: 292 years.
_LONGEST: Final = 2.0**63 / 1e9


class Session:
    """`deadline` is -max-time's, which everything shares. `timing` notes how long the dial took."""

    def __init__(self, order: Order, timing: Timing, warn: Callable[[str], None]) -> None:
        self.order = order
        self.timing = timing
        self.deadline = Deadline.after(min(order.flags.max_time, _LONGEST)) if order.flags.max_time > 0 else None
        self._warn = warn
        self.options: ChannelOptions | None = None
        """Once something was dialled."""
        self._channel: Channel | None = None

    @property
    def seconds_left(self) -> float:
        """Of the time that the user gives, or that a connection may take."""
        if self.deadline is not None:
            return self.deadline.remaining
        return self.options.connect_timeout if self.options is not None else 0.0

    async def channel(self) -> Channel:
        """Raises Failure, Misuse."""
        if self._channel is None:
            self.options = channel_options(self.order)
            self._channel = await dial(self.order, self.options, self.timing, self._warn, self.deadline)
        return self._channel

    async def source(self) -> DescriptorSource:
        """Files, reflection, or reflection before files. Raises Failure, Misuse."""
        flags = self.order.flags
        files = _file_source(flags)
        if not flags.asks_reflection:
            assert files is not None, "an order without files asks reflection"
            return files
        reflection = await self._reflection()
        if files is None:
            return reflection
        from grpcdoctor.client.descriptors.composite import CompositeSource

        return CompositeSource(reflection, files)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def _reflection(self) -> ReflectionSource:
        from grpcdoctor.client.descriptors.reflection import ReflectionSource

        channel = await self.channel()
        flags = self.order.flags
        metadata = read_headers((*flags.headers, *flags.reflect_header))
        trouble = trouble_with(metadata)
        if trouble is not None:
            return ReflectionSource.over(_Refusing(RpcError(Status(GrpcStatus.INTERNAL, trouble, from_peer=False))))
        return ReflectionSource(channel, metadata, self.deadline)


class _Refusing:
    """In the place of a reflection stream that cannot be opened, with the metadata that the user gave."""

    def __init__(self, error: RpcError) -> None:
        self._error = error

    async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
        raise self._error


def _file_source(flags: Flags) -> FileSource | None:
    try:
        if flags.protoset:
            from grpcdoctor.client.descriptors.protoset import protoset_source

            return protoset_source(flags.protoset)
        if flags.proto:
            from grpcdoctor.client.descriptors.proto_files import proto_files_source

            return proto_files_source(flags.import_path, flags.proto)
    except (ClientError, OSError) as failed:
        what = "Failed to process proto descriptor sets." if flags.protoset else "Failed to process proto source files."
        raise Failure(what, failed) from failed
    return None
