"""Status: how a call ended (gRPC over HTTP/2, "Responses"; google.rpc.Status)."""

from __future__ import annotations

from typing import NamedTuple

from grpcdoctor.model.codes import GrpcStatus, name_of


class Status(NamedTuple):
    """`details` is a serialized google.rpc.Status (the header grpc-status-details-bin), empty where none was sent.

    `from_peer` is False where no grpc-status came and the client made one, by the rules of its protocol, of what it
    saw instead: a RST_STREAM, an HTTP status, an end without trailers, its own deadline.
    """

    code: int
    message: str = ""
    details: bytes = b""
    from_peer: bool = True

    @property
    def ok(self) -> bool:
        return self.code == GrpcStatus.OK

    @property
    def name(self) -> str:
        """As the specification writes it: INVALID_ARGUMENT; a bare number where it knows none."""
        return name_of(GrpcStatus, self.code)

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name
