"""-protoset-out and -proto-out-dir: the schema of what was listed, described or called, as files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from grpcdoctor.cli.grpcurl.failures import Failure
from grpcdoctor.client.errors import ClientError

if TYPE_CHECKING:
    from grpcdoctor.cli.grpcurl.flags import Flags
    from grpcdoctor.client.call import DescriptorSource


async def export(flags: Flags, source: DescriptorSource, symbols: Sequence[str]) -> None:
    """Raises Failure."""
    if flags.protoset_out:
        await _write_protoset(flags.protoset_out, source, symbols)
    if flags.proto_out_dir:
        await _write_protos(flags.proto_out_dir, source, symbols)


async def _write_protoset(path: str, source: DescriptorSource, symbols: Sequence[str]) -> None:
    from grpcdoctor.client.descriptors.export import protoset_of

    try:
        _write(path, await protoset_of(source, symbols))
    except (ClientError, OSError) as failed:
        raise Failure(f"Failed to write protoset to {path}", failed) from failed


async def _write_protos(folder: str, source: DescriptorSource, symbols: Sequence[str]) -> None:
    from grpcdoctor.client.descriptors.export import path_inside, proto_sources_of

    try:
        for name, text in (await proto_sources_of(source, symbols)).items():
            path = path_inside(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _write(path, text.encode())
    except (ClientError, OSError) as failed:
        raise Failure(f"Failed to write protos to {folder}", failed) from failed


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
