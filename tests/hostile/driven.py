"""Http2Client driven by a hostile server without a network; what it makes of it becomes an ordinary run."""

from __future__ import annotations

import json
from collections.abc import Iterable

from grpcdoctor.model.codec import decode, encode
from grpcdoctor.model.facts.grpc import GrpcFacts, HealthFacts, ReflectionFacts
from grpcdoctor.model.facts.http2 import H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import DnsFacts, TcpAttempt, TcpFacts
from grpcdoctor.model.observation import Facts, Observation, Observations, Outcome
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.connection import Http2Connection
from grpcdoctor.wire.first_bytes import Heard
from grpcdoctor.wire.limits import PROBING
from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.questions import HEALTH_CHECK, HEALTH_LIST, REFLECTION, UNKNOWN_METHOD, call_headers
from grpcdoctor.wire.referee import violation_in
from grpcdoctor.wire.streams import Stream
from tests.wire.peers import HandFed

TARGET = parse_target("grpc://127.0.0.1:50051")
PATHS = (UNKNOWN_METHOD, HEALTH_CHECK, HEALTH_LIST, REFLECTION["v1"], REFLECTION["v1alpha"])


class Driven:
    """One connection on which the usual five questions were put, and what came back."""

    def __init__(self, pieces: Iterable[bytes], greeting: bytes = b"") -> None:
        self.connection = Http2Connection(_Nobody())
        client = self.connection.client
        client.start()
        client.receive(greeting)
        body = frame_message(b"")
        self.streams: list[Stream] = [client.request(call_headers(TARGET, False, path, 5.0), body) for path in PATHS]
        client.ping(b"grpcdoc1")
        self.received, self.greeting = 0, greeting
        for piece in pieces:
            self.received += len(piece)
            client.receive(piece)
        client.lose_all("closed")

    def check_invariants(self) -> None:
        """Bounded, consistent, and expressible as JSON and back."""
        client = self.connection.client
        assert len(client.kept) <= PROBING.frames_kept
        assert len(client.outgoing) <= 8192 + 4 * (self.received + len(self.greeting))
        assert client.violation is None or len(client.violation) < 500
        assert client.violation is not None or not client.dead
        for stream in self.streams:
            assert stream.closed
            assert len(stream.body) <= self.received
        violation_in(client.kept)
        for facts in self.facts():
            text = json.dumps(encode(facts))
            assert decode(type(facts), json.loads(text)) == facts

    def facts(self) -> list[Facts]:
        unknown, check, listed, v1, v1alpha = (s.reply(p) for s, p in zip(self.streams, PATHS, strict=True))
        return [
            DnsFacts("127.0.0.1", ("127.0.0.1",), literal=True),
            TcpFacts((TcpAttempt("127.0.0.1:50051"),), "127.0.0.1:50051"),
            H2cFacts(True, "127.0.0.1:50051", self._heard().facts()),
            self._http2(),
            GrpcFacts(unknown),
            HealthFacts(check, "SERVING" if check.messages else None, listed),
            ReflectionFacts(v1, v1alpha),
        ]

    def _heard(self) -> Heard:
        return Heard(self.greeting or b"\0\0\0\4\0\0\0\0\0", duration_ms=1.0)

    def _http2(self) -> Http2Facts:
        self.connection.heard = self._heard()
        return self.connection.facts("plaintext", "127.0.0.1:50051")

    def run(self) -> Run:
        observed = tuple(Observation(facts.kind, Outcome.OK, facts) for facts in self.facts())
        return Run(TARGET, observations=Observations(observed))


class _Nobody(HandFed):
    """A Duplex that is never read."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.aborted = False
