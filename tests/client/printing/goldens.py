"""What the real grpcurl describes of every symbol of two sets of files, and the files that it writes.

kitchen.yaml is of what the lab serves; corpus.yaml of corpus/*.proto: every kind of option, default, comment and order
that a proto file can have. `python -m tests.client.printing.goldens` records both anew.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from tests.lab.kitchen_sink.schema import compile_protos

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
SECONDS = 30.0


@functools.cache
def corpus() -> bytes:
    """A serialized FileDescriptorSet of corpus/, with comments, and with the options that protoc keeps to itself."""
    with tempfile.NamedTemporaryFile(suffix=".protoset") as output:
        options = ["--include_imports", "--include_source_info", "--retain_options"]
        sources = sorted(path.name for path in CORPUS.glob("*.proto"))
        command = [f"-I{CORPUS}", *options, f"--descriptor_set_out={output.name}", *sources]
        tool = [sys.executable, "-m", "grpc_tools.protoc"]
        subprocess.run([*tool, *command], check=True, timeout=SECONDS, stderr=subprocess.DEVNULL)  # unused imports
        return Path(output.name).read_bytes()


SETS: dict[str, Callable[[], bytes]] = {"kitchen": compile_protos, "corpus": corpus}


@functools.cache
def recorded(name: str) -> dict[str, dict[str, str]]:
    """`described`: by symbol; `written`: by the name of the file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    goldens: dict[str, dict[str, str]] = yaml.load((HERE / f"{name}.yaml").read_text(encoding="utf-8"), loader)
    return goldens


def is_own(file: str) -> bool:
    """Google's files are described in other people's words, which differ from version to version."""
    return not file.startswith("google/")


def symbols(protoset: bytes) -> list[str]:
    """Every message, field, oneof, extension, enum, enum value, service and method, by full name."""
    pool: Any = DescriptorPool()
    found: list[str] = []
    for file in FileDescriptorSet.FromString(protoset).file:
        pool.Add(file)
        if not is_own(file.name):
            continue
        linked = pool.FindFileByName(file.name)
        for message in linked.message_types_by_name.values():
            found += _of_message(message)
        for enum in linked.enum_types_by_name.values():
            found += _of_enum(enum)
        for service in linked.services_by_name.values():
            found += [service.full_name, *(method.full_name for method in service.methods)]
        found += [extension.full_name for extension in linked.extensions_by_name.values()]
    return found


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


def describe(grpcurl: str, protoset: Path, symbol: str) -> str:
    """What this grpcurl prints of the symbol."""
    command = [grpcurl, "-protoset", str(protoset), "describe", symbol]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def write(grpcurl: str, protoset: Path) -> dict[str, str]:
    """The proto files that this grpcurl writes: those of a symbol of each file, and what they import."""
    files = FileDescriptorSet.FromString(protoset.read_bytes()).file
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in files:
            if is_own(file.name):
                symbol = ".".join(part for part in (file.package, (file.message_type or file.service)[0].name) if part)
                command = [grpcurl, "-protoset", str(protoset), "-proto-out-dir", name, "describe", symbol]
                subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
        return {file.name: (folder / file.name).read_text() for file in files if is_own(file.name)}


def record(grpcurl: str, name: str) -> None:
    data = SETS[name]()
    with tempfile.TemporaryDirectory() as folder:
        protoset = Path(folder) / "set.protoset"
        protoset.write_bytes(data)
        answers = {symbol: describe(grpcurl, protoset, symbol) for symbol in symbols(data)}
        goldens = {"described": answers, "written": write(grpcurl, protoset)}
    text = yaml.dump(goldens, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    (HERE / f"{name}.yaml").write_text(text, encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))  # fmt: skip


if __name__ == "__main__":
    from tests.lab.processes import require_program

    for each in SETS:
        record(require_program("grpcurl"), each)
