"""Files that every schema may import and that need not be asked for: google/protobuf, google/rpc, google/api, …

They come from the packages protobuf and googleapis-common-protos. A server may know a file of google/protobuf only
under the path at which Go's protobuf packages once registered it (golang/protobuf#412, google/go-genproto#30).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

# Folders of the two packages' .proto files; nothing else is imported by a name that a server chose.
_FOLDERS: Final = (
    *("google/protobuf/", "google/rpc/", "google/api/", "google/type/", "google/logging/type/", "google/longrunning/"),
)
_GO_PTYPES: Final = ("any", "duration", "empty", "struct", "timestamp", "wrappers")
_GO_SOURCES: Final = ("api", "field_mask", "source_context", "type")
_ALIASES: Final = {
    f"google/protobuf/{name}.proto": f"github.com/golang/protobuf/ptypes/{name}/{name}.proto" for name in _GO_PTYPES
} | {f"google/protobuf/{name}.proto": f"src/google/protobuf/{name}.proto" for name in _GO_SOURCES}
_BOTH_WAYS: Final = {**_ALIASES, **{alias: name for name, alias in _ALIASES.items()}}


def alias_of(name: str) -> str | None:
    """The other path of a file of google/protobuf, either way."""
    return _BOTH_WAYS.get(name)


def canonical_name(name: str) -> str:
    """google/protobuf/any.proto for whatever it is imported by: an old path of Go's, or one in a vendor's folder."""
    known = _BOTH_WAYS[name] if name in _ALIASES.values() else name
    _, _, file = known.partition("/google/protobuf/")
    return f"google/protobuf/{file}" if file else known


def well_known_file(name: str) -> FileDescriptorProto | None:
    """The file of this name (or of what it stands for), under this name; None where it is none of them."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    known = canonical_name(name)
    if not known.startswith(_FOLDERS) or not known.endswith(".proto"):
        return None
    module = known.removesuffix(".proto").replace("/", ".") + "_pb2"
    if not all(part.isidentifier() for part in module.split(".")):
        return None
    try:
        serialized: bytes = import_module(module).DESCRIPTOR.serialized_pb
    except (ImportError, AttributeError):
        return None
    file = FileDescriptorProto.FromString(serialized)
    file.name = name
    return file
