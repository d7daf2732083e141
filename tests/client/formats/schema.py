"""The messages that the formats are tried on: lab.All (proto3) and lab.old.Old (proto2), compiled from protos/."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from grpcdoctor.client.errors import NotFoundError

PROTOS = Path(__file__).with_name("protos")


@functools.cache
def protoset() -> bytes:
    with tempfile.NamedTemporaryFile(suffix=".protoset") as output:
        options = [f"-I{PROTOS}", "--include_imports", f"--descriptor_set_out={output.name}"]
        names = sorted(path.name for path in PROTOS.glob("*.proto"))
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *names], check=True, timeout=60)
        return Path(output.name).read_bytes()


@functools.cache
def pool() -> DescriptorPool:
    made = DescriptorPool()
    for file in FileDescriptorSet.FromString(protoset()).file:
        made.Add(file)
    return made


def new(name: str, data: bytes = b"") -> Any:
    """A message by the full name of its type."""
    message = GetMessageClass(pool().FindMessageTypeByName(name))()
    message.ParseFromString(data)
    return message


class PoolSource:
    """A DescriptorSource of the pool, as far as Types asks it; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def find_symbol(self, name: str) -> Descriptor:
        self.asked.append(name)
        try:
            return pool().FindMessageTypeByName(name)
        except KeyError:
            raise NotFoundError("Symbol", name) from None

    async def extensions_of(self, message: str) -> list[Any]:
        self.asked.append(f"extensions of {message}")
        return []
