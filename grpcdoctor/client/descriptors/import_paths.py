"""Under which names proto files import each other, as grpcurl (protoparse) finds out."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_IMPORT: Final = re.compile(r"""\bimport\s+(?:public\s+|weak\s+|option\s+)?["']([^"'\n]+)["']\s*;""")


def names_on_disk(import_paths: Sequence[str], files: Sequence[str]) -> dict[str, str | None]:
    """Name to be compiled -> the path that it stands for, None where protoc finds it in an import path. Raises
    SchemaError."""
    if import_paths:
        return {_relative(import_paths, name): None for name in files}
    absolute = [name for name in files if os.path.isabs(name)]
    if absolute:
        raise SchemaError(
            f"must specify at least one import path if any absolute file paths are given: {absolute[0]} is one "
            f"(-import-path {os.path.dirname(absolute[0])})"
        )
    return _by_their_imports(files)


def _relative(import_paths: Sequence[str], name: str) -> str:
    """`./` and `../` mean the working directory; any other relative name is tried in each import path first."""
    if os.path.isabs(name):
        _source_of(name)  # protoc's words for a file that is not there would be about a path without its first slash
    written_out = os.path.isabs(name) or name.startswith(("./", "../"))
    if not written_out and any(os.path.exists(os.path.join(path, name)) for path in import_paths):
        return name
    path = os.path.realpath(name)
    for root in map(os.path.realpath, import_paths):
        if os.path.commonpath((root, path)) == root:
            return os.path.relpath(path, root)
    raise SchemaError(
        f"{name} does not reside in any import path: those are {', '.join(import_paths)}, and one must be the folder "
        "that imports are relative to"
    )


def _by_their_imports(files: Sequence[str]) -> dict[str, str | None]:
    """Each file under the name by which another one imports it, where the one ends with the other; else under a name
    that lacks the same leading folders; else as it was given."""
    names = {path: os.path.normpath(path) for path in files}
    imports = sorted({name for path in files for name in _imports_of(path)})
    folders: set[str] = set()
    for imported in imports:
        candidates = [path for path, name in names.items() if name == imported or name.endswith(f"/{imported}")]
        best = min(candidates, key=lambda path: (names[path] != imported, names[path].count("/"), path), default=None)
        if best is not None:
            folders.add(names[best].removesuffix(imported))
            names[best] = imported
    for path, name in names.items():
        folder = max((each for each in folders if each and name.startswith(each)), key=len, default="")
        if name not in imports:
            names[path] = name.removeprefix(folder)
    return {name: path for path, name in names.items()}


def _imports_of(path: str) -> Iterable[str]:
    return _IMPORT.findall(_COMMENT.sub(" ", _source_of(path)))


def _source_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as failed:
        raise SchemaError(f"could not parse given files: open {path}: {failed.strerror}") from failed
