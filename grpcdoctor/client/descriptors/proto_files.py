"""Proto sources, compiled by the real protoc (of grpcio-tools), in a child process: it may crash or hang alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.descriptors.file_source import FileSource
from grpcdoctor.client.descriptors.import_paths import names_on_disk
from grpcdoctor.client.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

_SECONDS: Final = 60.0
_LINES_KEPT: Final = 5
_NOT_FOUND: Final = re.compile(r"^(?P<name>\S+): File not found\.$", re.MULTILINE)
_IMPORTED: Final = re.compile(
    r'^(?P<file>[^:\n]+):(?P<line>\d+):\d+: Import "(?P<name>[^"]+)" was not found', re.MULTILINE
)
# Warnings, also those that protoc logs in its own way.
_BESIDE_THE_POINT: Final = re.compile(r": warning:|^WARNING: All log messages|^[IW]\d{4} .*\.cc:\d+\] ")


def proto_files_source(import_paths: Sequence[str], files: Sequence[str]) -> FileSource:
    """The source of these proto files and what they import, with comments.

    A file is named as it is imported: relative to one of `import_paths`, or by its path, which must lie in one of them.
    Without import paths an import is one of `files`, found by how its path ends, or a file below the working folder.
    Raises SchemaError with protoc's words, and where a missing import was looked for.
    """
    on_disk = names_on_disk(import_paths, files)
    # protoc takes such a name for an option, or for a file of options, and more than one path out of the other.
    if any(name.startswith(("-", "@")) for name in on_disk):
        raise SchemaError("a proto file's name may not begin with a dash or an at sign")
    if any(os.pathsep in path for path in import_paths):
        raise SchemaError(f"an import path may not contain {os.pathsep!r}: give each one on its own")
    mapped = [f"{name}={path}" for name, path in on_disk.items() if path is not None]
    folders = import_paths or (os.curdir,)
    compiled = _compile([*mapped, *folders, *_bundled()], list(on_disk), folders)
    for file in compiled:
        if file.name.startswith("google/") and not any(os.path.exists(os.path.join(one, file.name)) for one in folders):
            _shorten(file)
    return FileSource(compiled)


def _shorten(file: FileDescriptorProto) -> None:
    """The copies of google's files that grpcurl has in it lack comments, and options that only sources keep."""
    file.ClearField("source_code_info")
    for message in file.message_type:
        for extensions in message.extension_range:
            extensions.ClearField("options")


def _bundled() -> list[str]:
    """Where google/protobuf and google/api, rpc, type … lie, as protoc maps paths."""
    tools = find_spec("grpc_tools")
    api = find_spec("google.api")
    found = []
    if tools is not None and tools.submodule_search_locations:
        found.append(os.path.join(next(iter(tools.submodule_search_locations)), "_proto"))
    if api is not None and api.submodule_search_locations:
        found.append("google=" + os.path.dirname(next(iter(api.submodule_search_locations))))
    return found


def _compile(roots: Sequence[str], names: Sequence[str], folders: Sequence[str]) -> Sequence[FileDescriptorProto]:
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    options = ["--include_imports", "--include_source_info", "--retain_options", "--descriptor_set_out=/dev/stdout"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{root}" for root in roots), *options, *names]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise SchemaError(f"could not parse given files: protoc did not end within {_SECONDS:g} s") from None
    except OSError as failed:
        raise SchemaError(f"could not parse given files: protoc could not be started: {failed.strerror}") from failed
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        raise SchemaError(f"could not parse given files: {_trouble(said, folders)}")
    return FileDescriptorSet.FromString(done.stdout).file


def _trouble(said: str, folders: Sequence[str]) -> str:
    """protoc's first words, or what is to be done about an import that it did not find."""
    missing = _NOT_FOUND.search(said)
    if missing is not None:
        name = missing["name"]
        importer = next((found for found in _IMPORTED.finditer(said) if found["name"] == name), None)
        by = f"{importer['file']} line {importer['line']} imports" if importer is not None else "no such file:"
        where = f"looked for in {', '.join(folders)}"
        return f'{by} "{name}", {where}; name the folder that it is relative to as an import path'
    lines = [line.strip() for line in said.splitlines() if line.strip() and not _BESIDE_THE_POINT.search(line)]
    return "; ".join(lines[:_LINES_KEPT]) or "protoc failed without a word"
