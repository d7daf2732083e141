"""What a command line answered, made comparable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet

if TYPE_CHECKING:
    from tests.differential.cases import Case
    from tests.differential.setting import Setting

_TIMING = re.compile(r"^( *(?:Timing Data|Dial|TLS Setup|BlockingDial|InvokeRPC)): [\d.]+(?:ns|µs|ms|s)$", re.MULTILINE)
"""The tree that -vv ends with; its figures are the only thing on stdout that no two runs share."""
_ELAPSED = re.compile(r"(?:(?<=took )|(?<=connect=)|(?<=rpc=))[\d.]+(?:ns|µs|ms|s)|^[\d/]{10} [\d:]{8} ", re.MULTILINE)
"""What grpc-health-probe's log lines begin and end with."""
_LIBRARY = re.compile(r"(?:grpcurl/[^\n\"]+? grpc-go|grpcdoctor)/[\w.-]+")
"""Who is speaking, where a server tells it back: each says the truth of itself."""
_CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?= is after| is before|$)", re.MULTILINE)
"""In Go's words about a certificate's dates, on stderr."""


@dataclass(frozen=True)
class Outcome:
    """`files`: what the command wrote, by name; protosets as text."""

    code: int
    stdout: str
    stderr: str = ""
    files: dict[str, str] = field(default_factory=dict)


def outcome(case: Case, setting: Setting, folder: Path, code: int, stdout: bytes, stderr: bytes) -> Outcome:
    """Of one finished run in `folder`."""
    return Outcome(
        code,
        _comparable(stdout, setting, any_order=case.any_order),
        _without_usage(_ELAPSED.sub("", _CLOCK.sub("%clock%", _comparable(stderr, setting)))),
        {name: text for output in case.outputs for name, text in _files(folder / output, folder)},
    )


def _comparable(printed: bytes, setting: Setting, any_order: bool = False) -> str:
    """Bytes that are no UTF-8 stay apart from all others (surrogateescape would not go into YAML)."""
    text = setting.empty(printed.decode(errors="backslashreplace"))
    text = _LIBRARY.sub("%user_agent%", _TIMING.sub(r"\1: %time%", text))
    return "".join(sorted(text.splitlines(keepends=True))) if any_order else text


def _without_usage(text: str) -> str:
    """The list of all flags, which says nothing of the case, is left out."""
    return re.split(r"^Usage.*:$", text, maxsplit=1, flags=re.MULTILINE)[0]


def _files(path: Path, folder: Path) -> list[tuple[str, str]]:
    if path.is_dir():
        return [file for each in sorted(path.rglob("*")) if each.is_file() for file in _files(each, folder)]
    if not path.exists():
        return [(path.name, "%missing%")]
    content = path.read_bytes()
    if path.suffix == ".protoset":
        text = text_format.MessageToString(FileDescriptorSet.FromString(content))
    else:
        text = content.decode()
    return [(path.relative_to(folder).as_posix(), text)]
