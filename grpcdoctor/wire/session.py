"""Session: the state of one run that probes share: the budget, what was observed so far, and the open connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from grpcdoctor.model.codes import FrameType
from grpcdoctor.model.frame import FrameRecord
from grpcdoctor.model.observation import F, Facts, Observation, Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.redact import redact_headers, redact_text
from grpcdoctor.model.target import Target, join_host_port
from grpcdoctor.wire import frames
from grpcdoctor.wire.connection import Http2Connection
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.dial import Dialled, dial, dial_unix
from grpcdoctor.wire.frame_log import FrameListener
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.proxy import Proxy, TunnelError, open_tunnel, proxy_for
from grpcdoctor.wire.resolve import Resolver
from grpcdoctor.wire.stream import ByteStream, Duplex
from grpcdoctor.wire.streams import Headers

# The most that one step may take of the budget, in seconds.
STEP_SECONDS: Final = {"dns": 4.0, "tcp": 3.0, "tls": 4.0, "first-bytes": 3.0, "ping": 2.0, "call": 5.0}

# Politeness: what a default run opens to the address that it talks to.
CONNECTIONS_A_TARGET: Final = 4
NO_STREAM: Final = "no further connection: it could not be opened, or four were opened already"

FrameSink = Callable[[FrameRecord], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a probe returns: facts, and in `error` what went wrong or why it measured nothing."""

    facts: Facts | None = None
    error: str | None = None
    skipped: bool = False

    @property
    def outcome(self) -> Outcome:
        if self.skipped:
            return Outcome.SKIPPED
        return Outcome.FAIL if self.error is not None else Outcome.OK


@dataclass(slots=True)
class Shared:
    """What the targets of one run share."""

    resolver: Resolver = field(default_factory=Resolver)
    second_opinions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))


class Session:
    """One target's run. Probes read `get`, dial through `dial`, and leave the open connection in `connection`."""

    def __init__(self, target: Target, options: ProbeOptions, shared: Shared, sink: FrameSink | None = None) -> None:
        self.target = target
        self.options = options
        self.shared = shared
        self.started = monotonic()
        self.deadline = Deadline.after(options.timeout)
        self.observations: list[Observation] = []
        self.address: str | None = None
        """The address that the run talks to, as `ip:port`."""
        self.ready_stream: ByteStream | None = None
        """Connected by the tcp probe and not yet spoken on."""
        self.connection: Http2Connection | None = None
        """The HTTP/2 connection on which the gRPC questions are put."""
        self.over_tls = target.tls
        """How that connection is secured."""
        self.trouble = False
        """The checks have found a cause in what was observed so far."""
        self.connections_opened = 0
        self._streams: list[Duplex] = []
        self._streams_given = 0
        self._connections: list[Http2Connection] = []
        self._sink = sink
        self.trace: list[FrameRecord] = []
        self.proxy: Proxy | None = None
        if options.use_proxy and target.unix_path is None:
            self.proxy = proxy_for(target.dial_host, target.dial_port)

    def get(self, kind: type[F]) -> F | None:
        """The facts of this class measured so far."""
        return next((o.facts for o in self.observations if isinstance(o.facts, kind)), None)

    def seen(self) -> Observations:
        return Observations(tuple(self.observations))

    def step(self, name: str) -> Deadline:
        """The deadline of one step, inside the budget."""
        return self.deadline.within(STEP_SECONDS[name])

    @property
    def elapsed_ms(self) -> float:
        return (monotonic() - self.started) * 1000

    @property
    def metadata(self) -> Headers:
        return self.options.headers

    async def dial_address(self, host: str, port: int) -> Dialled:
        """Connect to one address within the step's deadline; the stream is aborted when the run ends."""
        dialled = await dial(host, port, self.step("tcp"))
        return self._keep(dialled)

    async def dial_unix_path(self, path: str) -> Dialled:
        return self._keep(await dial_unix(path, self.step("tcp")))

    def _keep(self, dialled: Dialled) -> Dialled:
        if dialled.stream is not None:
            self.connections_opened += 1
            self._streams.append(dialled.stream)
        return dialled

    async def stream(self) -> ByteStream | None:
        """A connection to the chosen address that nothing was said on yet; None where it can no longer be had, or where
        the peer was bothered with enough of them."""
        if self._streams_given == CONNECTIONS_A_TARGET:
            return None
        self._streams_given += 1
        if self.ready_stream is not None:
            stream, self.ready_stream = self.ready_stream, None
            return stream
        if self.target.unix_path is not None:
            return (await self.dial_unix_path(self.target.unix_path)).stream
        if self.address is None:
            return None
        host, _, port = self.address.rpartition(":")
        dialled = await self.dial_address(host.strip("[]"), int(port))
        if dialled.stream is not None and self.proxy is not None:
            try:
                await self.tunnel(dialled.stream, self.proxy)
            except (TunnelError, OSError):  # the first tunnel stood, this one does not: no connection to be had
                return None
        return dialled.stream

    async def tunnel(self, stream: ByteStream, proxy: Proxy) -> None:
        """Have the proxy connect `stream` to the target. Raises TunnelError and OSError (TimeoutError is one)."""
        await open_tunnel(stream, proxy, self.target.dial_host, self.target.dial_port, self.step("tcp"))

    def http2(self, duplex: Duplex) -> Http2Connection:
        """A new HTTP/2 connection over `duplex`, its frames traced if asked for; aborted when the run ends."""
        connection = Http2Connection(duplex, self._listener())
        self._connections.append(connection)
        return connection

    def _listener(self) -> FrameListener | None:
        if self._sink is None and not self.options.trace:
            return None
        number = len(self._connections) + 1

        def listen(direction: str, frame: Frame, headers: Headers | None) -> None:
            self._record(_record_of(self.elapsed_ms, number, direction, frame, headers, self.options.secrets))

        return listen

    def _record(self, record: FrameRecord) -> None:
        if len(self.trace) < _TRACE_KEPT:
            self.trace.append(record)
        if self._sink is not None:
            self._sink(record)

    def close(self) -> None:
        """Abort everything that is open."""
        for connection in self._connections:
            connection.abort()
        for stream in self._streams:
            stream.abort()

    @property
    def dial_endpoint(self) -> str:
        return join_host_port(self.target.dial_host, self.target.dial_port)


_TRACE_KEPT: Final = 5000
# Header lists may be 64 KiB each, and a hostile peer sends many.
_DETAIL_KEPT: Final = 4096


def _record_of(
    at_ms: float, number: int, direction: str, frame: Frame, headers: Headers | None, secrets: tuple[str, ...]
) -> FrameRecord:
    detail = _header_words(headers) if headers is not None else frames.in_words(frame)
    return FrameRecord(
        at_ms=at_ms,
        connection=number,
        direction=direction,
        type=frame.type_name if frame.type in list(FrameType) else f"type {frame.type:#x}",
        stream_id=frame.stream_id,
        flags=frame.flag_names,
        length=len(frame.payload),
        detail=redact_text(detail, secrets)[:_DETAIL_KEPT],
    )


def _header_words(headers: Headers) -> str:
    return "  ".join(f"{name}: {value}" for name, value in redact_headers(headers))
