"""GrpcioChannel: calls through grpcio, for what only grpcio can: ALTS, and names of its own resolvers (xds:///)."""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.errors import ClientError, ConnectError, Stage
from grpcdoctor.client.options import Protocol
from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.compression import check_encoding
from grpcdoctor.client.transport.request_headers import user_metadata
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.wire.streams import Headers

# grpc core's own limit: a keepalive that is shorter makes servers send GOAWAY too_many_pings.
_LEAST_KEEPALIVE: Final = 10.0
_PREFIX: Final = 5
_DETAILS: Final = "grpc-status-details-bin"
_XDS_BOOTSTRAP: Final = ("GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG")


class GrpcioChannel:
    """See client/call.py. Raises ClientError for options that grpcio does not offer."""

    connection: ConnectionFacts | None = None
    """grpcio tells nothing of its connections."""

    def __init__(self, options: ChannelOptions) -> None:
        _check(options)
        self._options = options
        self._name = options.grpcio_target or options.target.endpoint
        self._made: Any = None
        """grpc.aio's channel belongs to an event loop, so it is made by the first who needs it."""

    @property
    def _channel(self) -> Any:
        if self._made is None:
            import grpc.aio

            self._made = grpc.aio.secure_channel(self._name, _credentials(self._options), _arguments(self._options))
        return self._made

    async def connect(self, deadline: Deadline | None = None) -> None:
        """Connect now. Raises ConnectError."""
        from grpc import ChannelConnectivity

        seconds = self._options.connect_timeout
        limit = Deadline.after(seconds) if deadline is None else deadline.within(seconds)
        channel = self._channel
        try:
            while True:
                state = channel.get_state(try_to_connect=True)
                if state is ChannelConnectivity.READY:
                    return
                if state is ChannelConnectivity.TRANSIENT_FAILURE:
                    raise ConnectError(Stage.TCP, f"grpcio cannot connect to {self._name}: {await self._why(limit)}")
                await limit.wait(channel.wait_for_state_change(state))
        except TimeoutError as late:
            words = f"grpcio did not connect to {self._name} in time"
            raise ConnectError(Stage.TCP, words, timed_out=True) from late

    async def _why(self, limit: Deadline) -> str:
        """A channel that has failed fails every call at once, without sending anything, and says why."""
        from grpc import RpcError

        call: Any = self._channel.unary_unary("/grpcdoctor/Why")(b"", timeout=limit.remaining)
        try:
            await call
        except RpcError:
            pass
        return str(await call.details())

    async def call(
        self,
        path: str,
        metadata: Headers = (),
        *,
        deadline: Deadline | None = None,
        compress: str | None = None,
        client_streaming: bool = False,
        server_streaming: bool = False,
    ) -> GrpcioCall:
        """Start an RPC (see client/call.py). Raises ConnectError."""
        check_encoding(compress)
        await self.connect(deadline)
        sent = user_metadata(metadata)
        call = self._channel.stream_stream(path)(
            metadata=tuple(_to_grpcio(name, value) for name, value in sent),
            timeout=None if deadline is None else deadline.remaining,
            compression=_compression(compress),
        )
        return GrpcioCall(call, sent)

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()


class GrpcioCall:
    """See client/call.py; headers that grpcio adds or hides (content-type, grpc-timeout) are not told."""

    def __init__(self, call: Any, sent_headers: Headers) -> None:
        self._call = call
        self.sent_headers = sent_headers
        self.bytes_sent = 0
        self.bytes_received = 0
        self.status: Status | None = None
        self.trailers: Headers = ()

    async def send(self, payload: bytes) -> bool:
        """One message; False where the call is over: nothing more is wanted."""
        import asyncio

        from grpc import RpcError

        try:
            await self._call.write(payload)
        except (RpcError, asyncio.InvalidStateError, asyncio.CancelledError):
            if not self._call.done():
                raise  # it is this task that was cancelled
            return False
        self.bytes_sent += len(payload) + _PREFIX
        return True

    async def close_sending(self) -> None:
        if not self._call.done():
            await self._call.done_writing()

    async def headers(self) -> Headers:
        from grpc import RpcError

        try:
            return _from_grpcio(await self._call.initial_metadata())
        except RpcError:
            return ()

    async def receive(self) -> bytes | None:
        """The next message; None when the call is over, and then `status` says how."""
        import asyncio

        from grpc import RpcError, aio

        end = vars(aio)["EOF"]  # missing from the stubs
        if self.status is not None:
            return None
        try:
            message = await self._call.read()
            if message is not end:
                self.bytes_received += len(message) + _PREFIX
                return bytes(message)
        except RpcError:
            pass
        except asyncio.CancelledError:
            if not self._call.cancelled():
                raise
        await self._end()
        return None

    async def _end(self) -> None:
        self.trailers = _from_grpcio(await self._call.trailing_metadata())
        code = (await self._call.code()).value[0]
        details = next((value for name, value in self.trailers if name == _DETAILS), "")
        self.status = Status(code, await self._call.details() or "", base64.b64decode(details))

    def cancel(self) -> None:
        self._call.cancel()
        if self.status is None:
            self.status = Status(GrpcStatus.CANCELLED, "context canceled", from_peer=False)


def _check(options: ChannelOptions) -> None:
    if options.protocol is not Protocol.GRPC:
        raise ClientError(f"ALTS and xds:/// speak gRPC only, not {options.protocol.value}")
    if options.alts_handshaker_service is not None:
        raise ClientError("the ALTS handshaker cannot be chosen: grpcio always uses the standard one")
    if options.insecure:
        raise ClientError("grpcio cannot leave certificates unverified: name the CA, or speak plaintext")
    name = options.grpcio_target or ""
    if name.startswith("xds:") and not any(os.environ.get(variable) for variable in _XDS_BOOTSTRAP):
        raise ClientError(f"{name} needs an xDS bootstrap: set {_XDS_BOOTSTRAP[0]} to its file")


def _credentials(options: ChannelOptions) -> Any:
    import grpc
    from grpc import experimental

    if options.alts:
        return grpc.alts_channel_credentials(list(options.alts_target_service_accounts))
    if options.target.tls:
        read = [_read(path) for path in (options.cacert, options.key, options.cert)]
        credentials = grpc.ssl_channel_credentials(*read)
    else:
        in_clear: Any = experimental.insecure_channel_credentials
        credentials = in_clear()
    if (options.grpcio_target or "").startswith("xds:"):
        return grpc.xds_channel_credentials(credentials)
    return credentials


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as failed:
        raise ConnectError(Stage.TLS, f"{path}: {failed.strerror}") from failed


def _arguments(options: ChannelOptions) -> list[tuple[str, Any]]:
    arguments: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", options.max_message_bytes),
        ("grpc.enable_http_proxy", int(options.use_proxy)),
        ("grpc.enable_retries", 0),
    ]
    if options.target.authority is not None:
        arguments.append(("grpc.default_authority", options.target.authority))
    if options.target.tls and options.target.server_name is not None:
        arguments.append(("grpc.ssl_target_name_override", options.target.server_name))
    if options.user_agent is not None:
        arguments.append(("grpc.primary_user_agent", options.user_agent))
    if options.keepalive is not None:
        milliseconds = int(max(_LEAST_KEEPALIVE, options.keepalive) * 1000)
        arguments += [("grpc.keepalive_time_ms", milliseconds), ("grpc.keepalive_timeout_ms", milliseconds)]
    return arguments


def _compression(encoding: str | None) -> Any:
    import grpc

    known = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}
    return known[encoding] if encoding is not None else None


def _to_grpcio(name: str, value: str) -> tuple[str, str | bytes]:
    """grpcio wants `-bin` values as bytes."""
    if not name.endswith("-bin"):
        return name, value
    try:
        return name, base64.b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return name, value.encode()


def _from_grpcio(metadata: Iterable[tuple[str, str | bytes]] | None) -> Headers:
    return tuple(
        (str(name), base64.b64encode(value).decode() if isinstance(value, bytes) else value)
        for name, value in metadata or ()
    )
