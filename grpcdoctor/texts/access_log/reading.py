"""Logs as lines: files, folders, patterns, a pipe; compressed or not; in batches, with bounded memory."""

from __future__ import annotations

import glob
import os
import select
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from grpcdoctor.texts.access_log.decompress import CHUNK, Chunks, UnreadableLogError, decompressed
from grpcdoctor.texts.access_log.parse import LONGEST_LINE, parse_line

STDIN: Final = "-"
_MOST_FILES: Final = 10_000
_TAIL: Final = 1 << 18
_WILD: Final = frozenset("*?[")


class LogReader:
    """Reads sources one after the other. `notes` says, once reading has ended, what was not read as it stands."""

    def __init__(self, paths: Sequence[str | Path], stdin: BinaryIO | None = None) -> None:
        """Each path is a file, a folder, a pattern with `*`, or `-` for `stdin`. Raises UnreadableLogError for
        what does not exist.
        """
        self.files = [file for path in paths for file in expanded(str(path))]
        self.notes: list[str] = []
        self.lines = 0
        self._stdin = stdin
        self._cut = 0

    def batches(self) -> Iterator[list[str]]:
        """Some lines at a time, without their ends."""
        for file in self.files:
            for batch in self._lines(file, _chunks_of(file, self._stdin)):
                if batch:
                    yield batch

    def follow(self, tick_seconds: float = 1.0) -> Iterator[list[str]]:
        """The lines of `stdin` as they come; an empty batch whenever nothing came for a tick, so that the caller can
        draw anew. Ends with the pipe, and at Ctrl-C while it waits: what was read until then has been given.
        """
        if self._stdin is None:
            raise UnreadableLogError("there is no input to follow")
        try:
            yield from self._lines(STDIN, _arriving(self._stdin, tick_seconds))
        except KeyboardInterrupt:
            return

    def newest_time(self) -> float | None:
        """When the newest line was written, to count `--since` back from; None where standard input is read, or no
        line has a time. Of plain files only the end is read; of compressed ones all.
        """
        if STDIN in self.files:
            return None
        newest: float | None = None
        for file in self.files:
            entries = (parse_line(line) for batch in self._last_lines(file) for line in batch)
            times = (entry.time for entry in entries if entry is not None and entry.time is not None)
            newest = max((time for time in (newest, max(times, default=None)) if time is not None), default=None)
        return newest

    def _last_lines(self, file: str) -> Iterator[list[str]]:
        with _opened(file) as stream:
            magic = stream.read(4)
            plain = next(decompressed(iter([magic]), lambda _: None), magic) == magic if magic else True
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL) if plain and stream.seekable() else 0)
            yield from LogReader([])._lines(file, _chunks(stream))

    def _lines(self, name: str, chunks: Chunks) -> Iterator[list[str]]:
        cut_before = self._cut
        try:
            for batch in self._split(decompressed(chunks, lambda note: self.notes.append(f"{name}: {note}"))):
                self.lines += len(batch)
                yield batch
        except OSError as error:
            self.notes.append(f"{name}: {error.strerror or error}; what was read before is counted")
        cut = self._cut - cut_before
        if cut:
            lines = "1 line was" if cut == 1 else f"{cut} lines were"
            self.notes.append(f"{name}: {lines} cut after {LONGEST_LINE} characters")

    def _split(self, chunks: Chunks) -> Iterator[list[str]]:
        """Lines of at most LONGEST_LINE; an empty batch for an empty chunk."""
        rest, skipping = b"", False
        for chunk in chunks:
            if not chunk:
                yield []
                continue
            data = rest + chunk
            if skipping:
                _, found, data = chunk.partition(b"\n")
                skipping = not found
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            if end:
                yield self._texts(data[:end])
            if len(rest) > LONGEST_LINE:
                self._cut += 1
                yield [_text(rest[:LONGEST_LINE])]
                rest, skipping = b"", True
        if rest:
            yield self._texts(rest)

    def _texts(self, data: bytes) -> list[str]:
        lines = _text(data).split("\n")
        if not lines[-1]:
            lines.pop()
        if len(data) > LONGEST_LINE and max(map(len, lines), default=0) > LONGEST_LINE:
            self._cut += sum(len(line) > LONGEST_LINE for line in lines)
            lines = [line[:LONGEST_LINE] for line in lines]
        return lines


def _text(data: bytes) -> str:
    """As text, whatever it is. NULs come from rotation by truncation and from UTF-16; without them both can be read."""
    text = data.decode("utf-8", "replace")
    if "\0" in text:
        text = text.replace("\0", "")
    return text.replace("\r\n", "\n") if "\r" in text else text


def expanded(path: str) -> list[str]:
    """The files that a path stands for."""
    if path == STDIN or Path(path).is_file():
        return [path]
    if Path(path).is_dir():
        inside = (each for each in sorted(Path(path).rglob("*")) if each.is_file() and not each.name.startswith("."))
        found = [str(each) for _, each in zip(range(_MOST_FILES), inside, strict=False)]
    elif _WILD & set(path):
        found = [each for each in sorted(glob.glob(path, recursive=True)) if Path(each).is_file()][:_MOST_FILES]
    else:
        found = [path] if Path(path).exists() else []  # a named pipe
    if not found:
        raise UnreadableLogError(f"{path}: no such file" + ("s in it" if Path(path).is_dir() else ""))
    return found


def _opened(file: str) -> BinaryIO:
    try:
        return open(file, "rb", buffering=0)
    except OSError as error:
        raise UnreadableLogError(f"{file}: {error.strerror or error}") from error


def _chunks_of(file: str, stdin: BinaryIO | None) -> Chunks:
    if file == STDIN:
        if stdin is None:
            raise UnreadableLogError("there is no standard input to read")
        yield from _chunks(stdin)
        return
    with _opened(file) as stream:
        yield from _chunks(stream)


def _chunks(stream: BinaryIO) -> Chunks:
    while chunk := stream.read(CHUNK):
        yield chunk


def _arriving(stream: BinaryIO, tick_seconds: float) -> Chunks:
    """What is there, without waiting for more; an empty chunk after each tick in which nothing came."""
    descriptor = stream.fileno()
    while True:
        ready, _, _ = select.select([descriptor], [], [], tick_seconds)
        if not ready:
            yield b""
            continue
        chunk = os.read(descriptor, CHUNK)
        if not chunk:
            return
        yield chunk
