"""Hostile descriptors and reflection answers: a schema that cannot be used is said in words, never raised."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from google.protobuf import struct_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.errors import ClientError, FormatError
from grpcdoctor.client.formats.decoding import decode
from grpcdoctor.client.formats.json_writer import to_json
from grpcdoctor.client.formats.types import Types
from grpcdoctor.client.methods import find_method
from grpcdoctor.wire.protobuf import bytes_of, field, integer_field

Answer = Callable[[str], list[FileDescriptorProto | bytes]]


def service_file(name: str = "a.proto", *dependencies: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name=name, package="a", syntax="proto3", dependency=dependencies)
    file.message_type.add(name="M")
    file.service.add(name="S").method.add(name="Do", input_type=".a.M", output_type=".a.M")
    return file


class Asker:
    """Answers each question by the name in it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
        return [self._answer_to(question) for question in questions]

    def _answer_to(self, question: bytes) -> bytes:
        names = list(itertools.chain(bytes_of(question, 3), bytes_of(question, 4)))
        given = self._answer(names[0].decode()) if names else []
        files = [f if isinstance(f, bytes) else f.SerializeToString() for f in given]
        return field(4, b"".join(field(1, file) for file in files))


def linked(answer: Answer) -> str:
    """The method's full name, or what was wrong with the schema."""

    async def found() -> str:
        method: Any = await find_method(ReflectionSource.over(Asker(answer)), "a.S/Do")
        return str(method.full_name)

    started = time.process_time()
    try:
        return asyncio.run(found())
    except ClientError as told:
        return f"SchemaError: {told}"
    finally:
        assert time.process_time() - started < 10


def test_a_sound_schema_is_linked() -> None:
    files = {"a.S": service_file("a.proto", "b.proto"), "b.proto": FileDescriptorProto(name="b.proto")}
    assert linked(lambda name: [files[name]]) == "a.S.Do"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda name: [], "does not expose"),
        (lambda name: [b"\xff\xff\xff"], "cannot be read"),
        (lambda name: [FileDescriptorProto(name="x.proto")], "does not expose"),
        (lambda name: [service_file("a.proto", "a.proto")], "circle"),
        (
            lambda name: [
                service_file("a.proto", "b.proto"),
                FileDescriptorProto(name="b.proto", dependency=["a.proto"]),
            ],
            "circle",
        ),
    ],
)
def test_a_schema_that_leads_nowhere_is_said_in_words(answer: Answer, words: str) -> None:
    assert words in linked(answer)


def test_an_import_that_nothing_uses_may_be_missing() -> None:
    assert linked(lambda name: [service_file("a.proto", "other.proto")]) == "a.S.Do"


def test_dependencies_without_end_are_given_up() -> None:
    counter = itertools.count()

    def answer(name: str) -> list[FileDescriptorProto | bytes]:
        return [service_file("a.proto" if name == "a.S" else name, f"f{next(counter)}.proto")]

    assert "more than 200 deep" in linked(answer)


def test_types_that_do_not_exist_or_contradict_each_other_are_inconsistent() -> None:
    broken = service_file()
    broken.service[0].method[0].input_type = ".no.Such"
    doubled = service_file()
    doubled.message_type.add(name="M")
    for file in (broken, doubled):
        assert linked(lambda _, file=file: [file]).startswith("SchemaError")  # type: ignore[misc]


def test_file_names_that_are_no_utf8_are_said_in_words() -> None:
    assert "no UTF-8" in linked(lambda _: [service_file().SerializeToString() + field(3, b"\xff")])
    assert linked(lambda _: [field(1, b"\xff\xfe")]).startswith("SchemaError")


def test_imports_deeper_than_any_real_schema_are_given_up() -> None:
    def answer(name: str) -> list[FileDescriptorProto | bytes]:
        number = 0 if name == "a.S" else int(name[1:-6])
        following = f"f{number + 1}.proto"
        if number == 0:
            return [service_file("f0.proto", following)]
        return [FileDescriptorProto(name=name, dependency=[following] if number < 1500 else [])]

    assert "more than 200 deep" in linked(answer)


def test_a_servers_own_words_are_clipped() -> None:
    class Chatty(Asker):
        def _answer_to(self, question: bytes) -> bytes:
            return field(7, integer_field(1, 13) + field(2, b"x" * 3_000_000))

    async def found() -> None:
        await find_method(ReflectionSource.over(Chatty(lambda _: [])), "a.S/Do")

    with pytest.raises(ClientError) as told:
        asyncio.run(found())
    assert len(str(told.value)) <= 2000


def descriptor_of(file: FileDescriptorProto, *others: FileDescriptorProto) -> Descriptor:
    pool = DescriptorPool()
    for one in (*others, file):
        pool.Add(one)
    return pool.FindMessageTypeByName("a.M")


def test_an_answer_that_json_cannot_express_is_no_bug() -> None:
    struct = FileDescriptorProto.FromString(struct_pb2.DESCRIPTOR.serialized_pb)
    file = service_file("a.proto", struct.name)
    file.message_type[0].field.add(name="v", number=1, type=11, label=1, type_name=".google.protobuf.Value")
    value_of_no_kind = field(1, b"")
    with pytest.raises(FormatError, match="nil Value"):
        to_json(decode(descriptor_of(file, struct), value_of_no_kind), Types())


def test_messages_nested_beyond_measure_are_no_crash() -> None:
    deep = DescriptorProto(name="D")
    for _ in range(90):
        deep = DescriptorProto(name="D", nested_type=[deep])
    file = service_file()
    file.message_type.append(deep)
    assert linked(lambda _: [file])
    assert linked(lambda _: [b"\x22\x7f" * 5000])
