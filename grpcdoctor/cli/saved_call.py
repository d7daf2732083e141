"""A saved call: how it was asked for, what was sent, what came; to be sent again and compared.

It holds no credential: in the place of each stands a variable of the environment.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Final

import click

from grpcdoctor.version import __version__

SCHEMA: Final = "grpcdoctor.saved-call/v1"
# A saved file may come from somebody else: it says how to make a call, and cannot make anything be written.
_ALLOWED: Final = frozenset({
    "plaintext", "authority", "servername", "connect_to", "cacert", "cert", "key", "insecure", "header", "timeout",
    "no_proxy", "rpc_header", "reflect_header", "protoset", "proto", "import_path", "reflection", "protocol", "http",
    "max_message_size", "keepalive", "user_agent", "compress", "allow_unknown_fields", "emit_defaults", "proto_names",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SavedCall:
    """`arguments` are words of the command line; `call` is what `call --output json` printed."""

    target: str
    method: str
    arguments: tuple[str, ...]
    call: dict[str, Any]

    @property
    def data(self) -> str:
        """The requests, one after the other."""
        return "\n".join(json.dumps(message) for message in self.call["request"]["messages"])


def is_saved(option: str) -> bool:
    """Whether an option of `call` (by its parameter's name) belongs to a saved call."""
    return option in _ALLOWED


def check_writable(path: str) -> None:
    """Before the call is made. Raises click.UsageError."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise click.UsageError(f"--save: {path} is a folder; name a file")
    if not os.path.isdir(folder):
        raise click.UsageError(f"--save: there is no folder {folder}")


def save(path: str, saved: SavedCall) -> None:
    """For its owner alone: requests and answers may be confidential. Raises click.ClickException."""
    content = {
        "schema": SCHEMA,
        "tool": {"name": "grpcdoctor", "version": __version__},
        "target": saved.target,
        "method": saved.method,
        "arguments": list(saved.arguments),
        "call": saved.call,
    }
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    except OSError as failed:
        raise click.UsageError(f"--save: cannot write {path}: {failed.strerror}") from failed


def load(path: str) -> SavedCall:
    """Raises click.UsageError that says what is wrong with the file."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except OSError as failed:
        raise click.UsageError(f"--replay: cannot read {path}: {failed.strerror}") from failed
    except (ValueError, RecursionError) as wrong:
        raise click.UsageError(f"--replay: {path} is no JSON: {wrong}") from wrong
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise click.UsageError(f"--replay: {path} is no saved call; `grpcdoctor call … --save FILE` writes one")
    try:
        saved = SavedCall(content["target"], content["method"], tuple(content["arguments"]), content["call"])
        whole = all(isinstance(word, str) for word in (saved.target, saved.method, *saved.arguments))
        if not whole or not isinstance(saved.data, str) or saved.call["schema"] != "grpcdoctor.call/v1":
            raise TypeError
    except (KeyError, TypeError, AttributeError) as wrong:
        raise click.UsageError(f"--replay: {path} is a saved call that lacks a part or was changed") from wrong
    return saved
