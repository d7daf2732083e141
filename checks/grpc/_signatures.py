"""The one classifier: a reply in, its kind out. The tables hold the knowledge, in order of trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grpcdoctor.checks.grpc._answerer import SERVICE_TIME, Answerer, service_time_shown
from grpcdoctor.checks.grpc._envoy_signatures import ENVOY
from grpcdoctor.checks.grpc._kinds import Kind
from grpcdoctor.checks.grpc._proxy_signatures import GATEWAY_STATUSES, PROXIES
from grpcdoctor.checks.grpc._signature import Signature, words
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.facts.grpc import Reply
from grpcdoctor.model.run import Run

# What applications, and proxies that speak for them, answer by status.
_PEERS: Final[tuple[Signature, ...]] = (
    # Envoy's direct_response to a gRPC request: the page becomes the message.
    Signature(Kind.NOT_GRPC, 0.9, "a web page in the place of a message", grpc=tuple(range(1, 17)),
              text=words(r"^\s*<(!doctype html|html|\?xml)")),
    Signature(Kind.HEADER_LIMIT, 1.0, "", grpc=(8,),
              text=words(r"metadata size exceeds|header size exceeded|header list size|too much metadata")),
    Signature(Kind.HEADER_LIMIT, 0.9, "", grpc=(13,), text=words(r"header size exceeded max allowed size")),
    # A message over the server's limit is the caller's own; it says nothing about rates.
    Signature(Kind.APPLICATION, 1.0, "", grpc=(8,), text=words(r"message larger than max|message (is )?too large")),
    Signature(Kind.OVERLOADED, 1.0, "", grpc=(8, 14),
              text=words(r"concurrent RPC limit exceeded|too many (pending requests|active requests|concurrent)"
                         r"|concurrency limit|(server|service)( is)? overloaded")),
    # C-core refuses calls beyond grpc.server.max_pending_requests so; nobody else cancels with this very word.
    Signature(Kind.OVERLOADED, 0.8, "CANCELLED that nobody cancelled", grpc=(1,), text=words(r"^CANCELLED$")),
    Signature(Kind.AUTH, 1.0, "", grpc=(int(GrpcStatus.UNAUTHENTICATED),)),
    Signature(Kind.DENIED, 1.0, "", grpc=(int(GrpcStatus.PERMISSION_DENIED),)),
    Signature(Kind.RATE_LIMITED, 0.9, "", grpc=(int(GrpcStatus.RESOURCE_EXHAUSTED),)),
    Signature(Kind.UNIMPLEMENTED, 1.0, "", grpc=(int(GrpcStatus.UNIMPLEMENTED),)),
    Signature(Kind.AUTH, 1.0, "", http=(401, 407, 561)),
    Signature(Kind.DENIED, 1.0, "", http=(403,)),
    Signature(Kind.RATE_LIMITED, 1.0, "", http=(429,)),
    Signature(Kind.HEADER_LIMIT, 1.0, "", http=(431, 494)),
    Signature(Kind.HEADER_LIMIT, 1.0, "", http=(400,), text=words(r"request header or cookie too large")),
    Signature(Kind.REDIRECT, 1.0, "", http=(301, 302, 303, 307, 308)),
)
_ALL: Final = (*ENVOY, *PROXIES, *_PEERS, *GATEWAY_STATUSES)
# nginx that speaks HTTP/1 to a gRPC backend hangs now and then, where its other calls get bytes that prove the fault.
# So does haproxy, for as long as it retries a TLS port that hangs up on its HTTP/2 in clear.
_MAY_ALSO_HANG: Final = (Kind.PROTOCOL_MISMATCH, Kind.UNREACHABLE, Kind.UPSTREAM_TIMEOUT, Kind.UPSTREAM_TLS)
_LIKENESS: Final = 0.6
# Headers with any other status say what is wrong, even where the rest never came (nginx: `:status 000`, then a hang).
_HTTP_OK: Final = 200
_CONNECTION_LOST: Final = ("goaway", "closed", "reset", "refused-by-limit", "protocol-error")


@dataclass(frozen=True, slots=True)
class Match:
    """What a reply is, how surely, and what else it may be."""

    kind: Kind
    confidence: float = 1.0
    why: str = ""
    also: tuple[Kind, ...] = ()


def kind_of(reply: Reply, by: Answerer, run: Run) -> Match:
    """Exactly one kind for every reply."""
    if reply.grpc_status == 0:
        return Match(Kind.OK)
    incomplete = reply.grpc_status is None and reply.reset_code is None and reply.lost is not None
    if incomplete and reply.http_status in (None, _HTTP_OK):
        return _incomplete(reply)
    row = next((row for row in _ALL if row.fits(reply, by)), None)
    if row is None and incomplete:
        return _incomplete(reply)
    if row is None:
        return _by_shape(reply)
    return _weighed(row, reply, run)


def _weighed(row: Signature, reply: Reply, run: Run) -> Match:
    if row.empty and row.confidence >= 0.85 and service_time_shown(run):
        # Other answers carry the backend's mark, so one without it is Envoy's own.
        return Match(row.kind, 1.0, row.why, row.also)
    if row.empty and row.proxies and reply.header("server") is None:
        # Only the SETTINGS look like Envoy's, which is a likeness and no proof.
        return Match(row.kind, min(row.confidence, _LIKENESS), row.why, row.also)
    if row in ENVOY and reply.header(SERVICE_TIME) is not None:
        # The first Envoy got these words from behind it: a sidecar's, or an application's that passes on what the
        # next service told it.
        return Match(row.kind, row.confidence * 0.8, f"{row.why}; said behind the first proxy", row.also)
    return Match(row.kind, row.confidence, row.why, row.also)


def _incomplete(reply: Reply) -> Match:
    if reply.lost in _CONNECTION_LOST:
        return Match(Kind.LOST, why=f"the connection was lost ({reply.lost})")
    if reply.messages:
        return Match(Kind.OK, why="the stream still gives messages")
    return Match(Kind.UNANSWERED, 0.6, "no complete answer until our deadline", _MAY_ALSO_HANG)


def _by_shape(reply: Reply) -> Match:
    if reply.ran_out:
        return Match(Kind.UNANSWERED, 0.6, "the server ended it at our own deadline", _MAY_ALSO_HANG)
    if reply.grpc_status is not None:
        return Match(Kind.APPLICATION)
    # RFC 9113 §8.1: a server may answer in full and then reset the rest of the request (nginx, Go: NO_ERROR).
    if reply.reset_code is not None and not reply.ended:
        return Match(Kind.RESET)
    if reply.http_status == 200 and reply.is_grpc:
        return Match(Kind.TRAILERS_MISSING)
    return Match(Kind.NOT_GRPC if reply.http_status is not None else Kind.UNANSWERED)
