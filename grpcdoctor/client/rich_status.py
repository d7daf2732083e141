"""google.rpc.Status, which carries a status with its details (grpc-status-details-bin).

https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grpcdoctor.client.status import Status


def rich_status(status: Status) -> Any:
    """What came as the details where that can be read, else code and message alone."""
    from google.protobuf.message import DecodeError
    from google.rpc.status_pb2 import Status as RichStatus

    if status.details:
        try:
            return RichStatus.FromString(status.details)
        except DecodeError:
            pass
    return RichStatus(code=status.code, message=status.message)
