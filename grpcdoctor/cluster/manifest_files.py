"""The files of `-f`: folders walked, globs expanded, standard input read, every encoding made text."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from glob import has_magic
from itertools import takewhile
from pathlib import Path
from typing import Final, TextIO

from grpcdoctor.cluster.positions import Source

STDIN: Final = "<stdin>"
LARGEST_FILE: Final = 256 << 20
MOST_FILES: Final = 10_000
MOST_FOLDERS: Final = 100_000

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_SKIPPED_FOLDERS: Final = ("node_modules",)

_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# `a: b` as PowerShell may write it, without a mark.
_UTF16: Final = ((re.compile(rb"[^\0]\0[^\0]\0"), "utf-16-le"), (re.compile(rb"\0[^\0]\0[^\0]"), "utf-16-be"))
_HEAD: Final = 8192
# Tab, line breaks, and the escape of a coloured output are text.
_CONTROLS: Final = bytes(code for code in range(32) if code not in b"\t\n\f\r\x1b")
_BINARY_SHARE: Final = 0.02


class ManifestError(Exception):
    """The user's mistake about `-f`, in one line."""


class UnreadableFileError(ManifestError):
    """One file that is there and cannot be read; `why` is a clause."""

    def __init__(self, file: str, why: str, may_matter: bool = True) -> None:
        super().__init__(f"cannot read {'standard input' if file == STDIN else file}: {why}")
        self.why = why
        self.may_matter = may_matter
        """False for what can hardly be a manifest."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one `-f` stands for."""

    word: str
    files: tuple[str, ...]
    is_named: bool
    """It is one file or standard input, and not a folder or a glob, where much else may lie about."""
    kustomizations: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    """Folders in it that cannot be listed, and why."""


def given(words: Sequence[str]) -> list[Given]:
    """Raises ManifestError for a word that stands for nothing."""
    if words.count("-") > 1:
        raise ManifestError("- is named twice, and standard input can be read only once")
    return [_given(word) for word in words]


def _given(word: str) -> Given:
    if word == "-":
        return Given(word, (STDIN,), is_named=True)
    if "://" in word:
        raise ManifestError(f"{word} is a URL, and only files are read: curl -fsSL {word} | grpcdoctor inspect -f -")
    try:
        is_folder = stat.S_ISDIR(os.stat(word).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        if has_magic(word):
            return _matches(word)
        raise ManifestError(f"there is no file or folder {word or repr(word)}") from None
    except (OSError, ValueError) as failed:
        raise ManifestError(f"cannot read {word!r}: {_reason(failed)}") from failed
    return _walk(word, [word]) if is_folder else Given(word, (word,), is_named=True)


def _matches(pattern: str) -> Given:
    hits = _glob(pattern)
    if not hits:
        raise ManifestError(f"nothing matches {pattern}")
    folders = [hit for hit in hits if os.path.isdir(hit)]
    files = [hit for hit in hits if not os.path.isdir(hit) and not _is_special(hit)]
    manifests = [file for file in files if file.lower().endswith(_SUFFIXES)]
    walked = _walk(pattern, folders)
    found = dict.fromkeys([*(manifests or files), *walked.files])
    return Given(pattern, tuple(found), False, walked.kustomizations, walked.unreadable)


def _glob(pattern: str) -> list[str]:
    """pathlib's, for glob's own follows links in a circle. Hidden names are meant only where the pattern says so."""
    parts = Path(pattern).parts
    plain = tuple(takewhile(lambda part: not has_magic(part), parts))
    base, wanted = Path(*plain), parts[len(plain) :]
    show_hidden = any(part.startswith(".") for part in wanted)
    hits = [hit for hit in base.glob(os.path.join(*wanted)) if hit != base]
    shown = [h for h in hits if show_hidden or not any(p.startswith(".") for p in h.relative_to(base).parts)]
    return sorted(str(hit) for hit in shown)


def _walk(word: str, folders: Sequence[str]) -> Given:
    """Every manifest below these folders; links are followed, and each folder is entered once."""
    files: list[str] = []
    kustomizations: list[str] = []
    failures: list[OSError] = []
    entered: set[str] = set()
    for folder in folders:
        for root, below, names in os.walk(folder, onerror=failures.append, followlinks=True):
            real = os.path.realpath(root)
            if real in entered:
                below.clear()
                continue
            entered.add(real)
            below[:] = [name for name in below if not name.startswith(".") and name not in _SKIPPED_FOLDERS]
            paths = [os.path.join(root, name) for name in names if not name.startswith(".")]
            files += [path for path in paths if path.lower().endswith(_SUFFIXES) and not _is_special(path)]
            kustomizations += [p for p in paths if os.path.basename(p) in _KUSTOMIZATIONS and not _is_special(p)]
            if len(files) > MOST_FILES or len(entered) > MOST_FOLDERS:
                raise ManifestError(
                    f"{word} holds more than {MOST_FILES:,} YAML and JSON files or {MOST_FOLDERS:,} folders; "
                    "name the folders that hold manifests"
                )
    unreadable = tuple((str(failed.filename), _reason(failed)) for failed in failures)
    if not files and unreadable:
        raise ManifestError(f"cannot read {unreadable[0][0]}: {unreadable[0][1]}")
    return Given(word, tuple(sorted(files)), False, tuple(sorted(kustomizations)), unreadable)


def _is_special(path: str) -> bool:
    """A pipe or a socket, on which a reader would wait for ever."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False  # reading it will say why not


def read_source(file: str, stdin: TextIO | None = None) -> Source:
    """A file's text. Raises UnreadableFileError."""
    try:
        data = _read_stdin(stdin) if file == STDIN else _read_file(file)
    except (AttributeError, OSError, ValueError) as failed:  # AttributeError: a process without standard input
        raise UnreadableFileError(file, _reason(failed)) from failed
    if len(data) > LARGEST_FILE:
        raise UnreadableFileError(file, f"it is larger than {LARGEST_FILE >> 20} MB; split it")
    text = data if isinstance(data, str) else text_of(data)
    if text is None:
        raise UnreadableFileError(file, "it is no text; it looks like a binary or encrypted file", may_matter=False)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if file == STDIN and not text.strip():
        raise UnreadableFileError(file, "it is empty; did the command before the pipe fail?")
    return Source(file, text)


def _read_file(file: str) -> bytes:
    with open(file, "rb") as opened:
        return opened.read(LARGEST_FILE + 1)


def _read_stdin(stdin: TextIO | None) -> bytes | str:
    stream = stdin if stdin is not None else sys.stdin
    data: bytes | str = getattr(stream, "buffer", stream).read(LARGEST_FILE + 1)
    return data


def text_of(data: bytes) -> str | None:
    """The text in UTF-8, UTF-16 or UTF-32; None for what is no text. A byte that is not UTF-8 becomes half a surrogate
    pair, which no YAML may hold."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for pattern, encoding in _UTF16:
        if pattern.match(data):
            return data.decode(encoding, "replace")
    head = data[:_HEAD]
    if len(head) - len(head.translate(None, _CONTROLS)) > len(head) * _BINARY_SHARE:
        return None
    return data.decode("utf-8", "surrogateescape")


def _reason(failed: Exception) -> str:
    return getattr(failed, "strerror", None) or str(failed)
