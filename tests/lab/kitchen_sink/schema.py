"""The kitchen's schema: the sources in protos/, compiled by protoc."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

PROTOS = Path(__file__).with_name("protos")
SECONDS = 60.0


@functools.cache
def compile_protos(*names: str, imports: bool = True) -> bytes:
    """A serialized FileDescriptorSet with comments; of all files, unless some are named."""
    chosen = names or sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
    with tempfile.NamedTemporaryFile(suffix=".protoset") as output:
        options = [f"-I{PROTOS}", "--include_source_info", f"--descriptor_set_out={output.name}"]
        options += ["--include_imports"] if imports else []
        command = [sys.executable, "-m", "grpc_tools.protoc", *options, *chosen]
        subprocess.run(command, check=True, timeout=SECONDS)
        return Path(output.name).read_bytes()


def served_files(protoset: bytes) -> list[FileDescriptorProto]:
    """The files as reflection knows them: without comments, and with those of reflection itself."""
    files = list(FileDescriptorSet.FromString(protoset).file)
    for file in files:
        file.ClearField("source_code_info")
    return [*files, *_reflection_files()]


def _reflection_files() -> list[FileDescriptorProto]:
    """grpc.reflection.v1alpha as grpcio-reflection has it, and v1, which differs only in the name."""
    from grpc_reflection.v1alpha import reflection_pb2

    older, newer = FileDescriptorProto(), FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(older)
    text_format.Parse(text_format.MessageToString(older).replace("v1alpha", "v1"), newer)
    return [older, newer]
