"""Files that declare what another file of the pool declares already.

A pool takes every name once, but servers have the same file under two paths: that of protoc and one of Go's old ones,
or the two under which a user's proto was compiled. The second one is then added as a reference to the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcdoctor.client.descriptors.originals import original_of, with_original
from grpcdoctor.client.descriptors.well_known import canonical_name
from grpcdoctor.client.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor import FileDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

_DECLARATIONS = ("message_type", "enum_type", "service", "extension")


class DoubledError(SchemaError):
    """A file and one that is in the pool declare the same name differently: they need pools of their own."""


def declared_elsewhere(file: FileDescriptorProto, pool: Any) -> FileDescriptor | None:
    """The file of the pool that declares one of this file's names, if there is one."""
    prefix = f"{file.package}." if file.package else ""
    for name in _names(file):
        try:
            found: FileDescriptor = pool.FindFileContainingSymbol(prefix + name)
        except KeyError:
            continue
        return found
    return None


def is_same(file: FileDescriptorProto, other: FileDescriptor) -> bool:
    """Whether all that `file` declares is declared in `other` alike. Of google/protobuf's own files it is known."""
    if canonical_name(file.name) == canonical_name(other.name):
        return True
    original = original_of(other)
    return file.package == original.package and all(
        declared in getattr(original, kind) for kind in _DECLARATIONS for declared in getattr(file, kind)
    )


def as_reference(file: FileDescriptorProto, other: FileDescriptor) -> FileDescriptorProto:
    """A file of the same name that declares nothing and publicly imports `other`; `original_of` gives `file`."""
    reference = with_original(file)
    for kind in (*_DECLARATIONS, "weak_dependency"):
        reference.ClearField(kind)  # type: ignore[arg-type]
    reference.dependency[:] = [other.name]
    reference.public_dependency[:] = [0]
    return reference


def _names(file: FileDescriptorProto) -> Iterator[str]:
    """Of what stands in the package itself: by C++ scoping also the values of its enums."""
    declared = [one for kind in _DECLARATIONS for one in getattr(file, kind)]
    values = [value for enum in file.enum_type for value in enum.value]
    for one in (*declared, *values):
        if isinstance(one.name, str):  # protobuf gives what is no UTF-8 as bytes
            yield one.name
