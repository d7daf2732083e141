"""However much a server's reflection tells, what is done with it has an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from grpcdoctor.client.close_names import close_names
from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.descriptors.reflection_messages import extension_numbers_in
from grpcdoctor.client.errors import SchemaError
from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.wire.protobuf import bytes_of, field, integer_field

NOT_FOUND = field(7, integer_field(1, GrpcStatus.NOT_FOUND) + field(2, b"not found"))


class Files:
    """An Asker that has these files, by whatever name they are asked for; it counts the questions."""

    def __init__(self, files: dict[str, FileDescriptorProto]) -> None:
        self.files = files
        self.asked = 0

    async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
        self.asked += len(questions)
        return [self._answer(question) for question in questions]

    def _answer(self, question: bytes) -> bytes:
        name = next(value for number in (3, 4) for value in bytes_of(question, number)).decode()
        file = self.files.get(name)
        return NOT_FOUND if file is None else field(4, field(1, file.SerializeToString()))


def importing(name: str, imports: Sequence[str]) -> FileDescriptorProto:
    return FileDescriptorProto(name=name, package="a", syntax="proto3", dependency=imports)


def test_a_file_that_imports_more_than_any_real_one_is_refused() -> None:
    server = Files({"a.M": importing("a.proto", [f"{number}.proto" for number in range(200_000)])})
    with pytest.raises(SchemaError, match="imports more than 1000 others"):
        asyncio.run(ReflectionSource.over(server).find_symbol("a.M"))
    assert server.asked == 1


def test_imports_that_are_not_there_are_not_asked_for_without_end() -> None:
    files = {f"{one}.proto": importing(f"{one}.proto", [f"{one}/{n}.proto" for n in range(1000)]) for one in range(900)}
    server = Files({**files, "a.M": importing("a.proto", list(files))})
    with pytest.raises(SchemaError, match="import more than 4000 others that are not there"):
        asyncio.run(ReflectionSource.over(server).find_symbol("a.M"))
    assert server.asked <= 1 + len(files)


def test_the_numbers_of_extensions_are_told_once_and_only_those_that_can_be() -> None:
    numbers = [0, 536_870_912, 1 << 63, 7, 7, 100]
    answer = field(5, b"".join(integer_field(2, number) for number in numbers))
    assert extension_numbers_in(answer) == [7, 100]
    endless = field(5, b"".join(integer_field(2, number) for number in range(1, 50_000)))
    assert extension_numbers_in(endless) == list(range(1, 10_001))


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("kitchen.v1.Nope", ["kitchen.v1.Note"]),
        ("kitchen.v1.Jarr", ["pantry.v2.Jar"]),
        ("kitchn.v1.note", ["kitchen.v1.Note"]),
        ("kitchen.v1.Freezer", []),
    ],
)
def test_a_package_in_common_makes_no_names_alike(name: str, close: list[str]) -> None:
    known = ["kitchen.v1.Note", "kitchen.v1.Old", "kitchen.v1.Raw", "kitchen.v1.Ranged", "pantry.v2.Jar"]
    assert close_names(name, known) == close


def test_a_hint_does_not_take_long_in_a_schema_of_any_size() -> None:
    names = [f"shop.v{number % 9}.resources.Message{number}" for number in range(50_000)]
    started = time.process_time()
    assert close_names("shop.v1.resources.Mesage28", [*names, "shop.v1.resources.Message2"])[0].startswith("shop.v1.")
    assert time.process_time() - started < 7  # 15 s where each is compared
