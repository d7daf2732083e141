"""A pool's files as they were given.

protobuf's upb forgets source_code_info, and with it every comment, when a file is added to a DescriptorPool, and writes
what it knows anew: json_name is filled in, and what an edition's features mean is written out. So the file itself
travels along, as an unknown field of its options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.wire.protobuf import ProtobufError, bytes_of, field

if TYPE_CHECKING:
    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

# The last of the numbers that nobody may use, no extension either: they are "reserved for the Protocol Buffers
# implementation" (https://protobuf.dev/programming-guides/proto3/#assigning).
_ORIGINAL: Final = 19999


def with_original(file: FileDescriptorProto, given: FileDescriptorProto | None = None) -> FileDescriptorProto:
    """What is to be added to the pool, so that `original_of` finds `file` again, or `given` that `file` stands for."""
    carrier = type(file)()
    carrier.CopyFrom(file)
    carrier.ClearField("source_code_info")
    original = field(_ORIGINAL, (given or file).SerializeToString())
    carrier.options.ParseFromString(original + file.options.SerializeToString())
    return carrier


def original_of(file: FileDescriptor) -> FileDescriptorProto:
    """The file as it was given to `with_original`; what the pool knows of it where it was added otherwise."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    known = FileDescriptorProto.FromString(file.serialized_pb)
    try:
        original = next(bytes_of(known.options.SerializeToString(), _ORIGINAL), None)
    except ProtobufError:  # a group stands before it
        return known
    return known if original is None else FileDescriptorProto.FromString(original)
