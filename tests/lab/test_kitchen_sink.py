"""The kitchen's servers differ in what variants.py says, as grpcio's own client sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from tests.lab.kitchen_sink import kitchen
from tests.lab.kitchen_sink.raw_reflection import symbols_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.kitchen_sink import Kitchen

SECONDS = 10.0


@pytest.fixture(scope="module")
def running() -> Iterator[Kitchen]:
    with kitchen() as servers:
        yield servers


def ask(address: str, request: Any, version: str = "v1alpha") -> Any:
    with grpc.insecure_channel(address) as channel:
        method = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        return next(iter(method(iter([request]), timeout=SECONDS)))


def call(address: str, path: str, request: bytes) -> Any:
    with grpc.insecure_channel(address, [("grpc.default_authority", "localhost")]) as channel:
        method = channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
        return method(request, timeout=SECONDS)


def files_of(answer: Any) -> list[FileDescriptorProto]:
    return [FileDescriptorProto.FromString(each) for each in answer.file_descriptor_response.file_descriptor_proto]


def test_a_raw_answer_is_the_bytes_of_the_request(running: Kitchen) -> None:
    assert call(running.addresses["plain"], "/kitchen.v1.Raw/Everything", b"\x0a\x02\xff\xff") == b"\xff\xff"


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_speaks_both_versions(running: Kitchen, version: str) -> None:
    answer = ask(running.addresses["plain"], ServerReflectionRequest(list_services=""), version)
    assert "kitchen.v1.Silent" in [each.name for each in answer.list_services_response.service]


def test_reflection_knows_methods_and_enum_values_by_name(running: Kitchen) -> None:
    for symbol in ("kitchen.v1.Echo.Everything", "kitchen.v1.CRIMSON"):
        assert files_of(ask(running.addresses["plain"], ServerReflectionRequest(file_containing_symbol=symbol)))


def test_json_names_can_be_left_out(running: Kitchen) -> None:
    names = {}
    for variant in ("plain", "without_json_names"):
        request = ServerReflectionRequest(file_containing_symbol="kitchen.v1.Everything")
        fields = files_of(ask(running.addresses[variant], request))[0].message_type[0].field
        names[variant] = next(field.json_name for field in fields if field.name == "renamed")
    assert names == {"plain": "@Other Name", "without_json_names": ""}


def test_a_dependency_can_be_missing(running: Kitchen) -> None:
    request = ServerReflectionRequest(file_by_filename="kitchen/v1/legacy.proto")
    assert ask(running.addresses["without_dependency"], request).error_response.error_code == 5


def test_guarded_reflection_wants_its_token(running: Kitchen) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        ask(running.addresses["guarded_reflection"], ServerReflectionRequest(list_services=""))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_unix_socket_answers(running: Kitchen) -> None:
    assert call(f"unix:{running.addresses['unix']}", "/kitchen.v1.Echo/Nothing", b"") == b""


def test_every_file_of_the_sources_is_in_the_protoset(running: Kitchen) -> None:
    names = {file.name for file in FileDescriptorSet.FromString(running.protoset.read_bytes()).file}
    assert {path.relative_to(running.protos).as_posix() for path in running.protos.rglob("*.proto")} <= names


def test_symbols_are_fully_qualified() -> None:
    file = FileDescriptorProto(package="a.b")
    message = file.message_type.add(name="M")
    message.field.add(name="f")
    message.enum_type.add(name="E").value.add(name="V")
    assert list(symbols_of(file)) == ["a.b.M", "a.b.M.f", "a.b.M.E", "a.b.M.V"]
