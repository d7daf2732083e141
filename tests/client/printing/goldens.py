"""What the real grpcurl describes of every symbol of the kitchen, and the files that it writes: goldens.yaml.

`python -m tests.client.printing.goldens` records it anew.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from tests.lab.kitchen_sink.schema import compile_protos

GOLDENS = Path(__file__).with_name("goldens.yaml")
# The kitchen's own files: those of others are described in other people's words.
OWN = ("kitchen", "pantry", "Bare")
SECONDS = 30.0


def symbols() -> list[str]:
    """Every message, field, oneof, extension, enum, enum value, service and method of the kitchen, by full name."""
    pool: Any = DescriptorPool()
    found: list[str] = []
    for file in FileDescriptorSet.FromString(compile_protos()).file:
        pool.Add(file)
        linked = pool.FindFileByName(file.name)
        for message in linked.message_types_by_name.values():
            found += _of_message(message)
        for enum in linked.enum_types_by_name.values():
            found += _of_enum(enum)
        for service in linked.services_by_name.values():
            found += [service.full_name, *(method.full_name for method in service.methods)]
        found += [extension.full_name for extension in linked.extensions_by_name.values()]
    return [name for name in found if name.startswith(OWN)]


def _of_message(message: Descriptor) -> Iterator[str]:
    yield message.full_name
    members: Any = (*message.fields, *message.oneofs, *message.extensions)
    yield from (member.full_name for member in members)
    for enum in message.enum_types:
        yield from _of_enum(enum)
    for nested in message.nested_types:
        yield from _of_message(nested)


def _of_enum(enum: Any) -> Iterator[str]:
    yield enum.full_name
    yield from (f"{enum.full_name}.{value.name}" for value in enum.values)


def described(grpcurl: str, protoset: str, symbol: str) -> str:
    """What this grpcurl prints of the symbol."""
    command = [grpcurl, "-protoset", protoset, "describe", symbol]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def written(grpcurl: str, protoset: str) -> dict[str, str]:
    """The proto files that this grpcurl writes of all services."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [grpcurl, "-protoset", protoset, "-proto-out-dir", name, "list"]
        subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
        paths = sorted(path for path in folder.rglob("*.proto") if str(path.relative_to(folder)).startswith(OWN))
        return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def record(grpcurl: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=".protoset") as protoset:
        protoset.write(compile_protos())
        protoset.flush()
        answers = {symbol: described(grpcurl, protoset.name, symbol) for symbol in symbols()}
        goldens = {"described": answers, "written": written(grpcurl, protoset.name)}
    GOLDENS.write_text(yaml.dump(goldens, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000))


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))  # fmt: skip


if __name__ == "__main__":
    from tests.lab.processes import require_program

    record(require_program("grpcurl"))
