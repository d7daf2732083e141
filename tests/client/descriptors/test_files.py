"""Descriptor sets, proto sources, both beside reflection, and writing them out again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpcdoctor.client.descriptors.bounded import BoundedSource
from grpcdoctor.client.descriptors.composite import CompositeSource
from grpcdoctor.client.descriptors.export import path_inside, protoset_of
from grpcdoctor.client.descriptors.originals import original_of
from grpcdoctor.client.descriptors.proto_files import proto_files_source
from grpcdoctor.client.descriptors.protoset import protoset_source
from grpcdoctor.client.descriptors.reflection import ReflectionSource
from grpcdoctor.client.errors import NotFoundError, RpcError, SchemaError
from grpcdoctor.client.options import ChannelOptions
from grpcdoctor.client.transport.channel import open_channel
from grpcdoctor.model.target import parse_target
from tests.lab.kitchen_sink import Kitchen


def write(folder: Path, **files: str) -> None:
    for name, source in files.items():
        path = folder / f"{name.replace('__', '/')}.proto"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'syntax = "proto3"; package t; {source}')


def test_a_descriptor_set_lists_finds_and_extends(lab: Kitchen) -> None:
    source = protoset_source([str(lab.protoset)])
    assert "kitchen.v1.Echo" in asyncio.run(source.list_services())
    assert asyncio.run(source.find_symbol("kitchen.v1.Legacy")).name == "Legacy"
    assert len(asyncio.run(source.extensions_of("kitchen.v1.Legacy"))) >= 6
    with pytest.raises(NotFoundError) as told:
        asyncio.run(source.find_symbol("kitchen.v1.Legaci"))
    assert "kitchen.v1.Legacy" in told.value.suggestions


def test_a_descriptor_set_without_its_imports_names_the_first_that_lacks(lab: Kitchen) -> None:
    with pytest.raises(SchemaError, match='no descriptor found for "kitchen/v1/'):
        protoset_source([str(lab.partial_protoset)])


@pytest.mark.parametrize(("content", "words"), [(b"\xff\xff", "no FileDescriptorSet"), (None, "No such file")])
def test_a_file_that_is_no_descriptor_set_is_said_in_one_line(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "x.protoset"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SchemaError, match=words) as told:
        protoset_source([str(path)])
    assert "\n" not in str(told.value)


def test_proto_sources_are_compiled_with_what_they_import(lab: Kitchen) -> None:
    source = proto_files_source([str(lab.protos)], ["kitchen/v1/services.proto"])
    assert asyncio.run(source.find_symbol("google.protobuf.Timestamp")).name == "Timestamp"


def test_without_import_paths_files_import_each_other_by_how_their_paths_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, api__v1__a='import "v1/b.proto"; service S { rpc Do(B) returns (B); }', api__v1__b="message B {}")
    monkeypatch.chdir(tmp_path)
    source = proto_files_source([], ["api/v1/a.proto", "api/v1/b.proto"])
    (file, *_) = asyncio.run(source.files_of(["t.S"]))
    assert file.name == "v1/b.proto"


def test_without_import_paths_imports_are_also_found_below_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a='import "sub/b.proto"; service S { rpc Do(B) returns (B); }', sub__b="message B {}")
    monkeypatch.chdir(tmp_path)
    assert asyncio.run(proto_files_source([], ["./a.proto"]).list_services()) == ["t.S"]


@pytest.mark.parametrize(
    ("import_paths", "files", "words"),
    [
        ([], ["a.proto"], 'a.proto line 1 imports "gone.proto", looked for in .; name the folder'),
        (["."], ["a.proto"], 'a.proto line 1 imports "gone.proto", looked for in .; name the folder'),
        ([], ["/somewhere/a.proto"], "must specify at least one import path"),
        (["api"], ["./a.proto"], "does not reside in any import path"),
        (["."], ["broken.proto"], "broken.proto:1:"),
        ([], ["missing.proto"], "open missing.proto: No such file"),
        (["/"], ["/missing.proto"], "open /missing.proto: No such file"),
        ([], ["@at.proto"], "may not begin with"),
        (["a:b"], ["a.proto"], "may not contain ':'"),
    ],
)
def test_sources_that_cannot_be_compiled_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, import_paths: list[str], files: list[str], words: str
) -> None:
    write(tmp_path, a='import "gone.proto";', broken="message {", api__x="", **{"@at": "", "a:b__a": ""})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SchemaError) as told:
        proto_files_source(import_paths, files)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_a_default_next_to_zero_is_read_and_kept_as_it_was_written(tmp_path: Path) -> None:
    source = (
        'syntax = "proto2"; message M { optional float f = 1 [default = 1e-45]; message N { extend M {'
        " optional double d = 9 [default = -5e-324]; } } extensions 9; }"
    )
    (tmp_path / "a.proto").write_text(source)
    files = proto_files_source([str(tmp_path)], ["a.proto"])
    message: Any = asyncio.run(files.find_symbol("M"))
    assert message.fields_by_name["f"].default_value == 2.0**-149
    extension: Any = asyncio.run(files.find_symbol("M.N.d"))
    assert extension.default_value == -5e-324
    assert original_of(message.file).message_type[0].field[0].default_value == "1.40129846e-45"


def test_files_fill_in_what_reflection_does_not_know(lab: Kitchen, tmp_path: Path) -> None:
    write(tmp_path, mine='import "kitchen/v1/legacy.proto"; message Mine {}')
    (tmp_path / "more.proto").write_text(
        'syntax = "proto2"; package t; import "kitchen/v1/legacy.proto"; '
        "extend kitchen.v1.Legacy { optional int32 of_mine = 199; }"
    )
    files = proto_files_source([str(tmp_path), str(lab.protos)], ["mine.proto", "more.proto"])

    async def asked() -> tuple[str, list[str], list[str]]:
        channel = open_channel(ChannelOptions(target=parse_target(lab.addresses["plain"], plaintext=True)))
        both = CompositeSource(ReflectionSource(channel), files)
        mine = (await both.find_symbol("t.Mine")).name
        await both.find_symbol("kitchen.v1.Legacy")
        extensions = [extension.full_name for extension in await both.extensions_of("kitchen.v1.Legacy")]
        services = await both.list_services()
        await channel.close()
        return mine, extensions, services

    mine, extensions, services = asyncio.run(asked())
    assert mine == "Mine"
    assert "t.of_mine" in extensions
    assert "kitchen.v1.Legacy.inner_extension" in extensions
    assert "grpc.reflection.v1.ServerReflection" in services


def test_files_are_looked_into_when_reflection_does_not_answer_in_time(lab: Kitchen) -> None:
    class Silent:
        async def ask(self, questions: Sequence[bytes]) -> list[bytes]:
            await asyncio.sleep(60)
            return []

    reflection = BoundedSource(ReflectionSource.over(Silent()), 0.05)
    both = CompositeSource(reflection, protoset_source([str(lab.protoset)]))
    assert asyncio.run(both.find_symbol("kitchen.v1.Echo")).name == "Echo"
    with pytest.raises(RpcError, match="did not answer within"):
        asyncio.run(both.list_services())


def test_a_written_set_has_every_file_after_its_imports_and_keeps_comments(lab: Kitchen) -> None:
    given = FileDescriptorSet.FromString(lab.protoset.read_bytes())
    written = FileDescriptorSet.FromString(
        asyncio.run(protoset_of(protoset_source([str(lab.protoset)]), ["kitchen.v1.Echo"]))
    )
    seen: set[str] = set()
    for file in written.file:
        assert set(file.dependency) <= seen
        assert file == next(one for one in given.file if one.name == file.name)
        seen.add(file.name)
    assert written.file[-1].source_code_info.location


@pytest.mark.parametrize("name", ["../x.proto", "/etc/x.proto", "a/../../x.proto", ".", ""])
def test_no_file_is_written_outside_of_the_folder(name: str) -> None:
    with pytest.raises(SchemaError, match="leads out of the folder"):
        path_inside("out", name)
    assert path_inside("out", "a/b.proto") == "out/a/b.proto"
