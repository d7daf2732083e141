"""GrpcioChannel: calls through grpcio, for what only grpcio can: ALTS, and names of its own resolvers (xds:///)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.errors import ClientError, ConnectError, Stage
from grpcdoctor.client.options import Protocol
from grpcdoctor.client.transport.compression import check_encoding
from grpcdoctor.client.transport.grpcio_call import GrpcioCall, to_grpcio
from grpcdoctor.client.transport.request_headers import user_metadata
from grpcdoctor.wire.deadline import Deadline

if TYPE_CHECKING:
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.wire.streams import Headers

# grpc core's own limit: a keepalive that is shorter makes servers send GOAWAY too_many_pings.
_LEAST_KEEPALIVE: Final = 10.0
_XDS_BOOTSTRAP: Final = ("GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG")


class GrpcioChannel:
    """See client/call.py. Raises ClientError for options that grpcio does not offer."""

    connection: ConnectionFacts | None = None
    streams_allowed: int | None = None
    """grpcio tells nothing of its connections."""

    def __init__(self, options: ChannelOptions) -> None:
        _check(options)
        self._options = options
        self._name = options.grpcio_target or options.target.endpoint
        self._made: Any = None
        """Made by the first who needs it: grpcio starts threads with it."""
        self._asked = False
        self._was_ready = False

    @property
    def _channel(self) -> Any:
        if self._made is None:
            import grpc

            self._made = grpc.secure_channel(self._name, _credentials(self._options), _arguments(self._options))
        return self._made

    async def connect(self, deadline: Deadline | None = None) -> None:
        """Connect now; a connection that is lost later, grpcio makes anew by itself. Raises ConnectError."""
        from grpc import ChannelConnectivity

        if self._was_ready:
            return
        seconds = self._options.connect_timeout
        limit = Deadline.after(seconds) if deadline is None else deadline.within(seconds)
        loop, states = asyncio.get_running_loop(), asyncio.Queue[Any]()

        def told(state: Any) -> None:  # in a thread of grpcio's
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits
                loop.call_soon_threadsafe(states.put_nowait, state)

        # Asked once: a second request to connect that is pending when the channel is closed kills a thread of grpcio.
        self._channel.subscribe(told, try_to_connect=not self._asked)
        self._asked = True
        try:
            while (state := await limit.wait(states.get())) is not ChannelConnectivity.READY:
                if state is ChannelConnectivity.TRANSIENT_FAILURE:
                    raise ConnectError(Stage.TCP, f"grpcio cannot connect to {self._name}: {await self._why(limit)}")
        except TimeoutError as late:
            words = f"grpcio did not connect to {self._name} in time"
            raise ConnectError(Stage.TCP, words, timed_out=True) from late
        finally:
            self._channel.unsubscribe(told)
        self._was_ready = True

    async def _why(self, limit: Deadline) -> str:
        """A channel that has failed fails every call at once, without sending anything, and says why."""
        call = self._channel.unary_unary("/grpcdoctor/Why").future(b"", timeout=limit.remaining)
        return str(await asyncio.to_thread(call.details))

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
        start = partial(
            self._channel.stream_stream(path),
            metadata=tuple(to_grpcio(name, value) for name, value in sent),
            timeout=None if deadline is None else deadline.remaining,
            compression=_compression(compress),
        )
        return GrpcioCall(start, sent)

    async def close(self) -> None:
        if self._made is not None:
            self._made.close()


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
