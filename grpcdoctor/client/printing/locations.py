"""Where the elements of a file stand in its source, and their comments: FileDescriptorProto.source_code_info."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.printing import tags

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, SourceCodeInfo

    Location = SourceCodeInfo.Location

Path = tuple[int, ...]

_OPTION: Final = "option"
_STEPS: Final[dict[str, dict[int, str]]] = {
    "file": {
        tags.FILE_OPTIONS: _OPTION,
        tags.FILE_MESSAGE: "message",
        tags.FILE_ENUM: "enum",
        tags.FILE_EXTENSION: "field",
        tags.FILE_SERVICE: "service",
    },
    "message": {
        tags.MESSAGE_OPTIONS: _OPTION,
        tags.MESSAGE_FIELD: "field",
        tags.MESSAGE_ONEOF: "oneof",
        tags.MESSAGE_NESTED: "message",
        tags.MESSAGE_ENUM: "enum",
        tags.MESSAGE_EXTENSION: "field",
        tags.MESSAGE_EXTENSION_RANGE: "extension range",
    },
    "field": {tags.FIELD_OPTIONS: _OPTION},
    "oneof": {tags.ONEOF_OPTIONS: _OPTION},
    "extension range": {tags.EXTENSION_RANGE_OPTIONS: _OPTION},
    "enum": {tags.ENUM_OPTIONS: _OPTION, tags.ENUM_VALUE: "enum value"},
    "enum value": {tags.ENUM_VALUE_OPTIONS: _OPTION},
    "service": {tags.SERVICE_OPTIONS: _OPTION, tags.SERVICE_METHOD: "method"},
    "method": {tags.METHOD_OPTIONS: _OPTION},
}


class Locations:
    """Of one file; the first of a path counts."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._by_path: dict[Path, list[Location]] = {}
        for location in file.source_code_info.location:
            self._by_path.setdefault(tuple(location.path), []).append(location)
        for location in file.source_code_info.location:
            self._put_option(location)
        package = self._by_path.get((tags.FILE_PACKAGE,))
        if package:
            self._by_path.setdefault((tags.FILE_PACKAGE, 0), package)

    def at(self, path: Path) -> Location | None:
        found = self._by_path.get(path)
        return found[0] if found else None

    def all_at(self, path: Path) -> list[Location]:
        """The blocks `extend X {...}` of a scope share one path."""
        return self._by_path.get(path, [])

    def _put_option(self, location: Location) -> None:
        """An option's location may lead deep into its value; the option is printed as one, and found by its number."""
        path = tuple(location.path)
        allowed = _STEPS["file"]
        for position in range(0, len(path) - 1, 2):
            kind = allowed.get(path[position])
            if kind is None:
                return
            if kind == _OPTION:
                option = path[: position + 2]
                for known in (path[: position + 3], (*option, 0), option):
                    self._by_path.setdefault(known, [location])
                return
            allowed = _STEPS.get(kind, {})


def is_within(span: Path, enclosing: Path) -> bool:
    """Whether a span ([line, column, end line unless the same, end column]) starts within another."""
    first = enclosing[0]
    last = enclosing[0] if len(enclosing) == 3 else enclosing[2]
    line, column = span[0], span[1]
    if line < first or line > last:
        return False
    if line == first:
        return column >= enclosing[1]
    return line < last or column <= enclosing[-1]
