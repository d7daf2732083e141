"""What a file uses says what it imports, where it does not say so itself."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from grpcdoctor.client.descriptors.file_source import FileSource
from grpcdoctor.client.descriptors.lost_imports import Declarations
from grpcdoctor.client.errors import SchemaError

FIELD, ENUM, MESSAGE = 1, 14, 11


def file(name: str, package: str, *fields: tuple[str, int]) -> FileDescriptorProto:
    """With a message M of these fields (type name, type), which holds a message Inner and an enum E."""
    made = FileDescriptorProto(name=name, package=package, syntax="proto3")
    message = made.message_type.add(name="M")
    message.nested_type.add(name="Inner")
    message.enum_type.add(name="E").value.add(name="ZERO", number=0)
    for number, (type_name, kind) in enumerate(fields, 1):
        field = message.field.add(name=f"f{number}", number=number, label=FIELD, type_name=type_name)
        field.type = kind  # type: ignore[assignment]
    return made


def imports_of(user: FileDescriptorProto, *others: FileDescriptorProto) -> list[str] | None:
    declarations = Declarations()
    declarations.add([user, *others])
    whole = declarations.with_lost_imports(user)
    return None if whole is None else list(whole.dependency)


@pytest.mark.parametrize(
    ("type_name", "kind", "found"),
    [
        (".b.M", MESSAGE, ["b.proto"]),
        ("b.M", MESSAGE, ["b.proto"]),
        (".b.M.Inner", MESSAGE, ["b.proto"]),
        (".b.M.E", ENUM, ["b.proto"]),
        ("c.M", MESSAGE, ["inner.proto"]),  # a.c.M, not c.M: the innermost counts
        (".c.M", MESSAGE, ["c.proto"]),
        ("Inner", MESSAGE, None),
        (".gone.M", MESSAGE, None),
    ],
)
def test_a_type_is_imported_from_the_file_that_declares_it(type_name: str, kind: int, found: list[str] | None) -> None:
    others = (file("b.proto", "b"), file("c.proto", "c"), file("inner.proto", "a.c"))
    assert imports_of(file("a.proto", "a", (type_name, kind)), *others) == found


def test_methods_and_extensions_import_too_and_what_is_imported_stays() -> None:
    user = file("a.proto", "a")
    user.dependency.append("x.proto")
    user.service.add(name="S").method.add(name="Do", input_type=".b.M", output_type="c.M")
    user.extension.add(name="e", number=100, label=FIELD, type=5, extendee=".d.M")
    others = (file(f"{name}.proto", name) for name in "bcd")
    assert imports_of(user, *others) == ["x.proto", "b.proto", "c.proto", "d.proto"]


def test_files_without_imports_are_linked_and_those_that_need_each_other_are_said_to() -> None:
    uses_b, uses_c = file("a.proto", "a", (".b.M", MESSAGE)), file("b.proto", "b", ("c.M", MESSAGE))
    source = FileSource([uses_b, uses_c, file("c.proto", "c")])
    found = asyncio.run(source.files_of(["a.M"]))
    assert [each.name for each in found] == ["c.proto", "b.proto", "a.proto"]
    with pytest.raises(SchemaError, match=r"circle: a\.proto -> b\.proto -> a\.proto"):
        FileSource([uses_b, file("b.proto", "b", (".a.M", MESSAGE))])
