"""Descriptors are printed byte for byte as the real grpcurl prints them."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import pytest

from grpcdoctor.client.descriptors.file_source import FileSource
from grpcdoctor.client.descriptors.protoset import protoset_source
from grpcdoctor.client.printing.element import element_of
from grpcdoctor.client.printing.proto_file import file_source_of
from grpcdoctor.client.printing.proto_source import source_of
from tests.client.printing.goldens import SETS, describe, recorded, symbols
from tests.lab.processes import require_program

CASES = [(name, symbol) for name in SETS for symbol in recorded(name)["described"]]
both = pytest.mark.parametrize("name", SETS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("printing")
    for name, data in SETS.items():
        (path / name).write_bytes(data())
    return path


@cache
def source(path: Path) -> FileSource:
    return protoset_source([str(path)])


def ours(source: FileSource, symbol: str) -> str:
    kind, printed = element_of(asyncio.run(source.find_symbol(symbol)))
    return f"{symbol} is {kind}:\n{source_of(printed)}\n"


@both
def test_no_symbol_is_left_out(name: str) -> None:
    assert list(recorded(name)["described"]) == symbols(SETS[name]())


@pytest.mark.parametrize(("name", "symbol"), CASES, ids=[symbol for _, symbol in CASES])
def test_a_symbol_is_described_as_grpcurl_describes_it(folder: Path, name: str, symbol: str) -> None:
    assert ours(source(folder / name), symbol) == recorded(name)["described"][symbol]


@both
def test_whole_files_are_written_as_grpcurl_writes_them(folder: Path, name: str) -> None:
    described, written = recorded(name)["described"], recorded(name)["written"]
    files = {file.name: file for file in asyncio.run(source(folder / name).files_of(list(described)))}
    assert len(written) > 5
    assert {file: file_source_of(files[file]) for file in written} == written


@both
def test_the_goldens_are_what_the_installed_grpcurl_prints(folder: Path, name: str) -> None:
    grpcurl = require_program("grpcurl")
    some = list(recorded(name)["described"])[::25]
    said = {symbol: describe(grpcurl, folder / name, symbol) for symbol in some}
    assert said == {symbol: recorded(name)["described"][symbol] for symbol in some}
