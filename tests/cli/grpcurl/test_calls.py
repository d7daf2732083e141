"""What is better than grpcurl's, and what is told besides; that all else is the same, tests/differential shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

if TYPE_CHECKING:
    from tests.cli.environment import Environment
    from tests.lab.kitchen_sink import Kitchen


@pytest.mark.parametrize(("flags", "shown"), [((), "[redacted]"), (("-show-secrets",), "Bearer of-mine")])
def test_secrets_are_shown_only_on_demand(
    environment: Environment, running: Kitchen, flags: tuple[str, ...], shown: str
) -> None:
    call = ("-plaintext", "-v", "-H", "authorization: Bearer of-mine", *flags, running.addresses["plain"])
    result = environment.run("grpcurl", *call, "BareService/Call")
    assert result.code == 0
    assert f"Request metadata to send:\nauthorization: {shown}\n" in result.out


def test_the_schema_of_a_call_is_written_as_grpcurl_promises(
    environment: Environment, running: Kitchen, tmp_path: Path
) -> None:
    out = ("-protoset-out", f"{tmp_path}/x.protoset", "-proto-out-dir", f"{tmp_path}/protos")
    result = environment.run("grpcurl", "-plaintext", *out, running.addresses["plain"], "BareService/Call")
    assert (result.code, result.err) == (0, "")
    files = FileDescriptorSet.FromString((tmp_path / "x.protoset").read_bytes()).file
    assert [file.name for file in files] == ["bare.proto"]
    assert "service BareService" in (tmp_path / "protos" / "bare.proto").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["../outside.proto", "/tmp/outside.proto"])
def test_a_file_that_would_lie_outside_of_the_folder_is_not_written(
    environment: Environment, tmp_path: Path, name: str
) -> None:
    file = FileDescriptorProto(name=name, package="p", syntax="proto3")
    file.service.add(name="S")
    (tmp_path / "x.protoset").write_bytes(FileDescriptorSet(file=[file]).SerializeToString())
    target = tmp_path / "out"
    result = environment.run("grpcurl", "-protoset", f"{tmp_path}/x.protoset", "-proto-out-dir", str(target), "list")
    assert result.code == 1
    assert result.errors[0].startswith(f"Failed to write protos to {target}: the file name")
    assert sorted(path.name for path in tmp_path.iterdir() if path != target) == ["x.protoset"]


def test_data_meant_to_come_from_a_file_is_told_how(environment: Environment, running: Kitchen) -> None:
    result = environment.run("grpcurl", "-plaintext", "-d", "@x.json", running.addresses["plain"], "BareService/Call")
    assert (result.code, result.errors[1]) == (1, "To read the request from a file write: -d @ < x.json")


def test_a_wrong_name_is_told_with_one_that_is_close(environment: Environment, running: Kitchen) -> None:
    result = environment.run("grpcurl", "-plaintext", running.addresses["plain"], "kitchen.v1.Scirpt/Unary")
    assert result.code == 1
    assert result.errors[0].endswith('target server does not expose service "kitchen.v1.Scirpt"')
    assert result.errors[1].startswith("Did you mean kitchen.v1.Script")


def test_a_refused_connection_is_told_at_once_with_its_cause(environment: Environment) -> None:
    result = environment.run("grpcurl", "-plaintext", "127.0.0.1:1", "list")
    assert result.code == 1
    assert result.errors[0].startswith('Failed to dial target host "127.0.0.1:1": ')
    assert "refused" in result.errors[0]
    assert "grpcdoctor probe" in result.errors[-1]


def test_metadata_that_cannot_be_sent_is_never_taken_for_success(environment: Environment, running: Kitchen) -> None:
    """grpcurl exits 0 here, having called nothing."""
    call = ("-plaintext", "-rpc-header", "a b: c", running.addresses["plain"], "kitchen.v1.Script/ServerStream")
    result = environment.run("grpcurl", *call)
    assert (result.code, result.out) == (64 + 13, "")
    assert '  Message: header key "a b" contains illegal characters not in [0-9a-z-_.]' in result.errors


def test_very_verbose_output_ends_with_the_time_of_each_step(environment: Environment, running: Kitchen) -> None:
    result = environment.run("grpcurl", "-plaintext", "-vv", running.addresses["plain"], "BareService/Call")
    titles = [line.partition(":")[0] for line in result.out.splitlines()[-4:]]
    assert titles == ["Timing Data", "  Dial", "    BlockingDial", "  InvokeRPC"]


def test_a_suggestion_that_the_error_has_made_is_not_made_again(environment: Environment, running: Kitchen) -> None:
    call = ("-plaintext", "-d", '{"nots": []}', running.addresses["plain"], "kitchen.v1.Script/Unary")
    result = environment.run("grpcurl", *call)
    assert result.code == 1
    assert result.err.lower().count("did you mean") == 1
