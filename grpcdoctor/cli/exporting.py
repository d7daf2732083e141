"""--protoset-out and --proto-out-dir: the descriptors of what was shown, with all that they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from grpcdoctor.client.call import DescriptorSource

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option("--protoset-out", metavar="FILE", help="Write the descriptors to FILE, with all that they need."),
    click.option("--proto-out-dir", metavar="DIR", help="Write the same as .proto files into DIR."),
)


def export_options(function: F) -> F:
    decorated: Any = function
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


async def export(source: DescriptorSource, symbols: Sequence[str], file: str | None, folder: str | None) -> None:
    """Raises ClientError, and click.UsageError for what cannot be written."""
    if file is None and folder is None:
        return
    from grpcdoctor.client.descriptors.export import proto_sources_of, protoset_of

    if file is not None:
        _write(Path(file), await protoset_of(source, symbols), "--protoset-out")
    if folder is not None:
        for name, text in (await proto_sources_of(source, symbols)).items():
            path = _inside(folder, name)
            _write(path, text.encode("utf-8"), "--proto-out-dir")


def _inside(folder: str, name: str) -> Path:
    """Raises click.UsageError."""
    from grpcdoctor.client.descriptors.export import path_inside
    from grpcdoctor.client.errors import SchemaError

    try:
        return Path(path_inside(folder, name))
    except SchemaError as outside:
        raise click.UsageError(f"--proto-out-dir: {outside}") from outside


def _write(path: Path, content: bytes, option: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as failed:
        raise click.UsageError(f"{option}: cannot write {path}: {failed.strerror}") from failed
