"""Files of one server that declare the same names: alike under two paths, or differently."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from grpcdoctor.client.descriptors.export import protoset_of
from grpcdoctor.client.descriptors.file_source import FileSource
from grpcdoctor.client.descriptors.linker import Linker
from grpcdoctor.client.errors import SchemaError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

ANY = "google/protobuf/any.proto"
OLD_ANY = "github.com/golang/protobuf/ptypes/any/any.proto"
VENDORED_ANY = "github.com/gogo/protobuf/protobuf/google/protobuf/any.proto"


def file(package: str, field_type: str, *imports: str, name: str = "") -> FileDescriptorProto:
    made = FileDescriptorProto(name=name or f"{package}.proto", package=package, syntax="proto3", dependency=imports)
    made.message_type.add(name="M").field.add(name="f", number=1, type=11, label=1, type_name=field_type)
    return made


def field_names(message: object) -> list[str]:
    described: Descriptor = message  # type: ignore[assignment]
    return [field.name for field in described.fields]


@pytest.mark.parametrize("other", [OLD_ANY, VENDORED_ANY])
@pytest.mark.parametrize("turned", [False, True])
def test_one_file_under_two_paths_is_one(other: str, turned: bool) -> None:
    first, second = (other, ANY) if turned else (ANY, other)
    outer = file("a", ".b.M", first, "b.proto")
    outer.message_type[0].field.add(name="any", number=2, type=11, label=1, type_name=".google.protobuf.Any")
    source = FileSource([outer, file("b", ".google.protobuf.Any", second)])
    assert field_names(asyncio.run(source.find_symbol("google.protobuf.Any"))) == ["type_url", "value"]
    written = FileDescriptorSet.FromString(asyncio.run(protoset_of(source, ["a.M"]))).file
    assert [one.name for one in written] == [first, second, "b.proto", "a.proto"]
    assert {one.message_type[0].name for one in written[:2]} == {"Any"}, "each is written as it was"


def test_a_users_file_that_was_compiled_under_two_paths_is_one() -> None:
    root = file("r", ".a.M", "a.proto", "api/a.proto")
    source = FileSource([root, file("a", ".a.M"), file("a", ".a.M", name="api/a.proto")])
    assert field_names(asyncio.run(source.find_symbol("r.M"))) == ["f"]


def test_files_that_contradict_each_other_are_each_read_with_what_they_import() -> None:
    one, other = file("a", ".a.M", name="one.proto"), file("a", ".a.M", name="other.proto")
    other.message_type[0].field[0].name = "g"
    one.service.add(name="One").method.add(name="Do", input_type=".a.M", output_type=".a.M")
    other.service.add(name="Other").method.add(name="Do", input_type=".a.M", output_type=".a.M")
    source = FileSource([one, other])
    assert asyncio.run(source.list_services()) == ["a.One", "a.Other"]
    for service, names in (("a.One", ["f"]), ("a.Other", ["g"])):
        method = asyncio.run(source.find_symbol(f"{service}.Do"))
        assert field_names(method.input_type) == names  # type: ignore[union-attr]


def test_one_file_whose_imports_contradict_each_other_is_said_in_words() -> None:
    one, other = file("a", ".a.M", name="one.proto"), file("a", ".a.M", name="other.proto")
    other.message_type[0].field[0].name = "g"
    with pytest.raises(SchemaError, match=r"other\.proto contradicts that of one\.proto"):
        FileSource([file("r", ".a.M", "one.proto", "other.proto"), one, other])


def test_an_extension_is_known_to_its_message_in_whichever_pool_that_is() -> None:
    one, other = file("a", ".a.M", name="one.proto"), file("a", ".a.M", name="other.proto")
    other.message_type[0].field[0].name = "g"
    for given in (one, other):
        given.syntax = "proto2"
    other.message_type.add(name="Only").extension_range.add(start=100, end=200)
    extending = FileDescriptorProto(name="x.proto", package="x", syntax="proto2", dependency=["other.proto"])
    extending.extension.add(name="e", number=100, type=5, label=1, extendee=".a.Only")
    source = FileSource([one, other, extending])
    assert [each.full_name for each in asyncio.run(source.extensions_of("a.Only"))] == ["x.e"]


def test_contradictions_without_end_are_given_up() -> None:
    linker = Linker()
    for number in range(60):
        version = file("a", ".a.M", name=f"{number}.proto")
        version.message_type[0].field[0].name = f"f{number}"
        linker.give(version)
    for number in range(50):
        linker.link(f"{number}.proto")
    with pytest.raises(SchemaError, match="contradicts"):
        linker.link("50.proto")
