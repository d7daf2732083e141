"""Descriptors from real servers' reflection, and what becomes of those that lack something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.descriptors.reflection_stream import ReflectionUnavailableError, kind_of
from grpcdoctor.client.descriptors.symbols import file_of
from grpcdoctor.client.errors import NotFoundError, RpcError, SchemaError
from grpcdoctor.client.options import ChannelOptions, Protocol
from grpcdoctor.client.status import Status
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.target import parse_target
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.protobuf import bytes_of, field, integer_field
from tests.lab import fakes
from tests.lab.kitchen_sink import Kitchen
from tests.lab.kitchen_sink.variants import TOKEN

T = TypeVar("T")
SECONDS = 10.0


def ask(
    address: str, question: Callable[[ReflectionSource], Awaitable[T]], metadata: tuple[tuple[str, str], ...] = ()
) -> T:
    async def asked() -> T:
        channel = open_channel(ChannelOptions(target=parse_target(address, plaintext=True)))
        try:
            return await question(ReflectionSource(channel, metadata, Deadline.after(SECONDS)))
        finally:
            await channel.close()

    return asyncio.run(asked())


@pytest.mark.parametrize("variant", ["plain", "v1", "v1alpha", "stock", "without_json_names"])
def test_services_are_listed_and_found_whatever_version_the_server_speaks(lab: Kitchen, variant: str) -> None:
    async def question(source: ReflectionSource) -> tuple[list[str], str]:
        return await source.list_services(), (await source.find_symbol("kitchen.v1.Echo")).name

    services, name = ask(lab.addresses[variant], question)
    assert (services == sorted(services)) == (variant == "stock"), "the server's own order is lost"
    assert {"kitchen.v1.Echo", "pantry.v2.Pantry"} <= set(services)
    assert name == "Echo"


@pytest.mark.parametrize("variant", ["plain", "stock"])
@pytest.mark.parametrize(
    "name",
    [
        "kitchen.v1.Echo.Value",
        "kitchen.v1.Rule.remark",
        "google.rpc.BadRequest.FieldViolation",
        "google.rpc.BadRequest.field_violations",
        "google.protobuf.Value.kind",
        "google.protobuf.NullValue.NULL_VALUE",
    ],
)
def test_a_symbol_of_any_kind_is_found_also_where_the_server_only_knows_its_parent(
    lab: Kitchen, variant: str, name: str
) -> None:
    async def question(source: ReflectionSource) -> str:
        return (await source.find_symbol(name)).name

    if name == "kitchen.v1.Rule.remark":  # an extension of Rule, declared beside it: there is no such symbol
        with pytest.raises(NotFoundError, match="Symbol not found"):
            ask(lab.addresses[variant], question)
    else:
        assert ask(lab.addresses[variant], question) == name.rpartition(".")[2]


def test_all_extensions_of_a_message_are_known_to_messages_parsed_afterwards(lab: Kitchen) -> None:
    async def question(source: ReflectionSource) -> tuple[list[int], bool]:
        message = await source.find_symbol("kitchen.v1.Legacy")
        extensions = await source.extensions_of("kitchen.v1.Legacy")
        return [extension.number for extension in extensions], file_of(message).pool is file_of(extensions[0]).pool

    numbers, together = ask(lab.addresses["plain"], question)
    assert len(numbers) >= 6
    assert numbers == sorted(numbers)
    assert together


def test_a_file_that_only_options_need_is_not_missed(lab: Kitchen) -> None:
    async def question(source: ReflectionSource) -> list[str]:
        return [file.name for file in await source.files_of(["kitchen.v1.Echo"])]

    files = ask(lab.addresses["without_options"], question)
    assert "kitchen/v1/services.proto" in files
    assert "kitchen/v1/options.proto" not in files


def test_a_file_that_is_needed_and_missing_is_named_with_the_chain(lab: Kitchen) -> None:
    with pytest.raises(NotFoundError) as told:
        ask(lab.addresses["without_dependency"], lambda source: source.find_symbol("kitchen.v1.Echo"))
    assert str(told.value).splitlines() == [
        "Symbol not found: kitchen.v1.Echo",
        "caused by: File not found: kitchen/v1/services.proto",
        "caused by: File not found: kitchen/v1/legacy.proto",
    ]


def test_what_is_not_there_brings_names_that_are_close(lab: Kitchen) -> None:
    async def question(source: ReflectionSource) -> None:
        await source.list_services()
        await source.find_symbol("kitchen.v1.Ecko")

    with pytest.raises(NotFoundError) as told:
        ask(lab.addresses["plain"], question)
    assert told.value.suggestions[0] == "kitchen.v1.Echo"


def test_a_server_without_reflection_is_said_to_have_none(lab: Kitchen) -> None:
    with pytest.raises(ReflectionUnavailableError, match="server does not support the reflection API") as told:
        ask(lab.addresses["without_reflection"], lambda source: source.list_services())
    assert told.value.kind == "no-reflection"
    assert "register it" in told.value.explanation


def test_reflection_behind_authorization_wants_the_metadata_and_gets_it(lab: Kitchen) -> None:
    address = lab.addresses["guarded_reflection"]
    with pytest.raises(RpcError) as told:
        ask(address, lambda source: source.list_services())
    assert told.value.status.code == GrpcStatus.UNAUTHENTICATED
    listed = ask(address, lambda source: source.list_services(), (("authorization", TOKEN),))
    assert "kitchen.v1.Echo" in listed


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (Status(12, "unknown service grpc.reflection.v1.ServerReflection"), (), "no-reflection"),
        (Status(12), (("server", "envoy"), ("x-envoy-upstream-service-time", "3")), "no-reflection"),
        (Status(12), (("server", "envoy"),), "not-routed"),
        (Status(12, "unexpected HTTP status code 404", from_peer=False), (("server", "nginx"),), "not-routed"),
        (Status(12, "unexpected HTTP status code 404", from_peer=False), (("server", "Jetty"),), "wrong-port"),
    ],
)
def test_who_said_that_there_is_no_reflection_is_told_apart(
    status: Status, headers: tuple[tuple[str, str], ...], kind: str
) -> None:
    assert kind_of(status, headers) == kind


@pytest.mark.parametrize(("server", "kind"), [("nginx/1.22.1", "not-routed"), ("Jetty", "wrong-port")])
@pytest.mark.parametrize("protocol", [Protocol.GRPC, Protocol.CONNECT])
def test_who_answered_with_a_page_is_told_by_its_headers(server: str, kind: str, protocol: Protocol) -> None:
    async def ask_page(port: int) -> str:
        target = parse_target(f"grpc://127.0.0.1:{port}")
        channel = open_channel(ChannelOptions(target, protocol=protocol, http_version="2"))
        try:
            with pytest.raises(ReflectionUnavailableError) as told:
                await ReflectionSource(channel).list_services()
        finally:
            await channel.close()
        return told.value.kind

    with fakes.http2_answer(404, {"server": server, "content-type": "text/html"}) as page:
        assert asyncio.run(ask_page(page.port)) == kind


class Script:
    """An Asker that answers by a table; None stands for an end of the stream."""

    def __init__(self, files: dict[str, FileDescriptorProto | None]) -> None:
        self.files = files
        self.asked: list[str] = []

    async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
        return [self._answer(question) for question in questions]

    def _answer(self, question: bytes) -> bytes:
        name = next(value for number in (3, 4) for value in bytes_of(question, number)).decode()
        self.asked.append(name)
        file = self.files.get(name)
        if file is None:
            return field(7, integer_field(1, GrpcStatus.NOT_FOUND) + field(2, b"not found"))
        return field(4, field(1, file.SerializeToString()))


def find(files: dict[str, FileDescriptorProto | None], name: str) -> str:
    async def found() -> str:
        return (await ReflectionSource.over(Script(files)).find_symbol(name)).name

    return asyncio.run(found())


def file_with_a_message(field_type: str, *imports: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name="a.proto", package="a", syntax="proto3", dependency=imports)
    file.message_type.add(name="M").field.add(name="f", number=1, type=11, label=1, type_name=field_type)
    return file


@pytest.mark.parametrize(
    ("imported", "type_name"),
    [
        ("google/protobuf/timestamp.proto", ".google.protobuf.Timestamp"),
        ("github.com/golang/protobuf/ptypes/any/any.proto", ".google.protobuf.Any"),
        ("google/rpc/status.proto", ".google.rpc.Status"),
        ("google/api/http.proto", ".google.api.HttpRule"),
    ],
)
def test_well_known_files_that_the_server_does_not_give_are_filled_in(imported: str, type_name: str) -> None:
    assert find({"a.M": file_with_a_message(type_name, imported)}, "a.M") == "M"


def test_a_well_known_file_is_also_found_under_its_old_path() -> None:
    duration = FileDescriptorProto(
        name="github.com/golang/protobuf/ptypes/duration/duration.proto", package="google.protobuf", syntax="proto3"
    )
    duration.message_type.add(name="Duration").field.add(name="marked_by_the_server", number=7, type=5, label=1)
    user = file_with_a_message(".google.protobuf.Duration", "google/protobuf/duration.proto")
    script = Script({"a.M": user, duration.name: duration})

    async def fields() -> list[str]:
        source = ReflectionSource.over(script)
        await source.find_symbol("a.M")
        found = await source.find_symbol("google.protobuf.Duration")
        return [one.name for one in found.fields]  # type: ignore[union-attr]

    assert asyncio.run(fields()) == ["marked_by_the_server"]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (file_with_a_message(".a.M", "a.proto"), "circle"),
        (file_with_a_message(".a.Nowhere"), "inconsistent"),
        (FileDescriptorProto(name="a.proto", package="a", dependency=["gone.proto"]), "Symbol not found"),
    ],
)
def test_a_schema_that_cannot_be_linked_is_said_in_words(file: FileDescriptorProto, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        find({"a.M": file}, "a.M")


def test_a_placeholder_for_a_file_that_the_server_lacks_is_as_good_as_none() -> None:
    placeholder = FileDescriptorProto(name="gone.proto", syntax="<unknown:0>")
    files = {"a.M": file_with_a_message(".a.M", "gone.proto"), "gone.proto": placeholder}
    assert find(dict(files), "a.M") == "M"
    files["a.M"] = file_with_a_message(".gone.M", "gone.proto")
    with pytest.raises(NotFoundError, match=r"File not found: gone\.proto"):
        find(dict(files), "a.M")


@pytest.mark.parametrize("name", ["\udcff", "a.\udcff", "", ".", "a..M"])
def test_what_is_no_name_is_not_found(name: str) -> None:
    with pytest.raises(NotFoundError):
        find({"a.M": file_with_a_message(".a.M")}, name)


def test_a_file_name_of_a_servers_steers_no_terminal() -> None:
    file = file_with_a_message(".a.Nowhere")
    file.name = "a\x1b[31m\n.proto"
    with pytest.raises(SchemaError) as told:
        find({"a.M": file}, "a.M")
    assert r"a\x1b[31m\n.proto" in str(told.value)
    assert str(told.value).isprintable()


def test_imports_without_end_are_given_up() -> None:
    class Endless(Script):
        def _answer(self, question: bytes) -> bytes:
            self.asked.append("")
            name = "a.proto" if len(self.asked) == 1 else f"f{len(self.asked) - 1}.proto"
            file = file_with_a_message(".a.M", f"f{len(self.asked)}.proto")
            file.name = name
            return field(4, field(1, file.SerializeToString()))

    async def found() -> None:
        await ReflectionSource.over(Endless({})).find_symbol("a.M")

    with pytest.raises(SchemaError, match="deep"):
        asyncio.run(found())
