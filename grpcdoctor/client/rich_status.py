"""google.rpc.Status, which carries a status with its details (grpc-status-details-bin): as a message of our own pool.

https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcdoctor.client.status import Status

_ANY: Final = ".google.protobuf.Any"


def rich_status(status: Status) -> Any:
    """What came as the details where that can be read, else code and message alone."""
    from google.protobuf.message import DecodeError

    message: Any = _status_class()()
    if status.details:
        try:
            message.MergeFromString(status.details)
            return message
        except DecodeError:
            message = _status_class()()
    message.code, message.message = status.code, status.message
    return message


@cache
def _status_class() -> type[Message]:
    from google.protobuf import any_pb2
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="google/rpc/status.proto", package="google.rpc", syntax="proto3")
    file.dependency.append(any_pb2.DESCRIPTOR.name)
    one, many = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED
    file.message_type.add(
        name="Status",
        field=[
            Field(name="code", number=1, label=one, type=Field.TYPE_INT32, json_name="code"),
            Field(name="message", number=2, label=one, type=Field.TYPE_STRING, json_name="message"),
            Field(name="details", number=3, label=many, type=Field.TYPE_MESSAGE, type_name=_ANY, json_name="details"),
        ],
    )
    pool = DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status"))
