"""A session: the channel to the target and the descriptors, for as long as a command needs them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from grpcdoctor.cli.client_options import ClientOptions
    from grpcdoctor.client.call import Channel, DescriptorSource
    from grpcdoctor.client.descriptors.file_source import FileSource
    from grpcdoctor.model.target import Target


@dataclass(frozen=True, slots=True)
class Session:
    channel: Channel | None
    """None where only files are looked at."""
    source: DescriptorSource


@asynccontextmanager
async def open_session(client: ClientOptions, target: Target | None) -> AsyncIterator[Session]:
    """Nothing is dialled before something is asked. Raises click.UsageError for files that cannot be used."""
    files = _file_source(client)
    if target is None:
        assert files is not None, "without a target there are files"
        yield Session(None, files)
        return
    from grpcdoctor.client.transport.channel import open_channel

    channel = open_channel(client.channel_options(target))
    try:
        yield Session(channel, _source(client, channel, files))
    finally:
        await channel.close()


def _source(client: ClientOptions, channel: Channel, files: FileSource | None) -> DescriptorSource:
    if not client.reflects:
        assert files is not None, "--no-reflection wants files"
        return files
    from grpcdoctor.client.descriptors.bounded import BoundedSource
    from grpcdoctor.client.descriptors.composite import CompositeSource
    from grpcdoctor.client.descriptors.reflection import ReflectionSource

    # Reflection alone is bounded: the files are still to be looked into when it does not answer.
    reflection = BoundedSource(ReflectionSource(channel, client.reflection_metadata()), client.step_seconds)
    return reflection if files is None else CompositeSource(reflection, files)


def _file_source(client: ClientOptions) -> FileSource | None:
    from grpcdoctor.client.errors import SchemaError

    try:
        return _read_files(client)
    except SchemaError as unusable:
        raise click.UsageError(str(unusable)) from unusable


def _read_files(client: ClientOptions) -> FileSource | None:
    """Raises SchemaError."""
    if client.protoset:
        from grpcdoctor.client.descriptors.protoset import protoset_source

        return protoset_source(client.protoset)
    if client.proto:
        from grpcdoctor.client.descriptors.proto_files import proto_files_source

        return proto_files_source(client.import_path or _folders_of(client.proto), client.proto)
    return None


def _folders_of(files: Sequence[str]) -> list[str]:
    """A file that is named in full says itself where it is; without any, imports are looked for here."""
    return list(dict.fromkeys(os.path.dirname(file) for file in files if os.path.isabs(file)))
