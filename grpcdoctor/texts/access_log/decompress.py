"""Compressed logs as a stream of bytes, told by their first bytes and never by their name."""

from __future__ import annotations

import importlib
import itertools
import shutil
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Final

CHUNK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_WITH_GZIP_HEADER: Final = 31
# The package zstandard puts out all that its input becomes at once, so it is fed in small pieces.
_SMALL: Final = 1 << 14
_MODULES: Final = ("compression.zstd", "zstandard")

Chunks = Iterator[bytes]
Note = Callable[[str], None]


class UnreadableLogError(Exception):
    """One line that says what cannot be read, and what to do."""


def decompressed(chunks: Chunks, note: Note) -> Chunks:
    """The plain bytes; an empty chunk, which says that nothing came for a while, is passed on. What is damaged or
    ends too early is given as far as it goes, and `note` is told.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_ZSTD):
            break
        if not chunk:
            yield b""
    whole = itertools.chain([head] if head else [], chunks)
    if head.startswith(_GZIP):
        yield from _gunzipped(whole, note)
    elif head.startswith(_ZSTD):
        yield from _zstd(whole, note)
    else:
        yield from whole


def _gunzipped(chunks: Chunks, note: Note) -> Chunks:
    """All members, one after the other, as logrotate and `cat a.gz b.gz` make them."""
    decoder, started = zlib.decompressobj(_WITH_GZIP_HEADER), False
    for chunk in chunks:
        data = chunk
        if not data:
            yield b""
        while data:
            started = True
            try:
                plain = decoder.decompress(data, CHUNK)
            except zlib.error:
                note("the gzip data is damaged; what was before that is counted")
                return
            if plain:
                yield plain
            data = decoder.unconsumed_tail
            if decoder.eof:
                data = decoder.unused_data.lstrip(b"\0")  # padding, as tape and block devices have it
                decoder, started = zlib.decompressobj(_WITH_GZIP_HEADER), False
    rest = decoder.flush()
    if rest:
        yield rest
    if started and not decoder.eof:
        note("the gzip data ends in the middle; what was there is counted")


def _zstd(chunks: Chunks, note: Note) -> Chunks:
    for name in _MODULES:
        try:
            return _zstd_frames(chunks, importlib.import_module(name), note)
        except ImportError:
            continue
    program = shutil.which("zstd")
    if program is None:
        raise UnreadableLogError(
            "this log is compressed with zstd: install the program zstd or the Python package zstandard, "
            "or use Python 3.14 or newer"
        )
    return _through([program, "-dcqf"], chunks, note)


def _zstd_frames(chunks: Chunks, module: ModuleType, note: Note) -> Chunks:
    """By a library: Python's own since 3.14, or the package."""
    own = hasattr(module, "ZstdError") and module.__name__.startswith("compression")
    make = module.ZstdDecompressor if own else lambda: module.ZstdDecompressor().decompressobj()
    decoder, started = make(), False
    for chunk in chunks:
        if not chunk:
            yield b""
        for at in range(0, len(chunk), _SMALL):
            data = chunk[at : at + _SMALL]
            while data or (own and started and not decoder.needs_input):
                started = True
                try:
                    plain = decoder.decompress(data, CHUNK) if own else decoder.decompress(data)
                except module.ZstdError:
                    note("the zstd data is damaged; what was before that is counted")
                    return
                if plain:
                    yield plain
                data = b""
                if decoder.eof:
                    data = decoder.unused_data
                    decoder, started = make(), False
    if started:
        note("the zstd data ends in the middle; what was there is counted")


def _through(command: list[str], chunks: Chunks, note: Note) -> Chunks:
    """By a program that reads the compressed bytes and writes the plain ones."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        feeder = threading.Thread(target=_feed, args=(process, chunks), daemon=True)
        feeder.start()
        try:
            while plain := process.stdout.read1(CHUNK):  # type: ignore[attr-defined]
                yield plain
        finally:
            process.kill() if process.poll() is None and feeder.is_alive() else None
            feeder.join(timeout=1)
    if process.returncode > 0:
        note("the zstd data is damaged or ends in the middle; what was there is counted")


def _feed(process: subprocess.Popen[bytes], chunks: Chunks) -> None:
    assert process.stdin is not None
    try:
        for chunk in chunks:
            process.stdin.write(chunk)
        process.stdin.close()
    except (OSError, ValueError):
        return  # it has ended: its exit code says why
