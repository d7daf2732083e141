"""The messages of grpc.health.v1 (https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto)."""

from __future__ import annotations

from itertools import islice
from typing import Final

from grpcdoctor.wire.protobuf import bytes_of, field, integer_of, text

# HealthCheckResponse.ServingStatus
STATUSES: Final = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_SERVICES_READ: Final = 1000
"""Of whatever a hostile answer holds; gRFC A90 lets a server list 100."""


def check_request(service: str) -> bytes:
    """HealthCheckRequest; "" asks for the server as a whole."""
    return field(1, service.encode()) if service else b""


def status_in(response: bytes) -> str:
    """Of a HealthCheckResponse. Raises ProtobufError."""
    number = integer_of(response, 1)
    return STATUSES[number] if number < len(STATUSES) else str(number)


def statuses_in(response: bytes) -> list[tuple[str, str]]:
    """(service, status) of a HealthListResponse, by service. Raises ProtobufError."""
    entries = islice(bytes_of(response, 1), _SERVICES_READ)
    return sorted((text(next(bytes_of(entry, 1), b"")), status_in(next(bytes_of(entry, 2), b""))) for entry in entries)
