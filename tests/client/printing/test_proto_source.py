"""Descriptors are printed byte for byte as the real grpcurl prints them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from grpcdoctor.client.descriptors.export import proto_sources_of
from grpcdoctor.client.descriptors.file_source import FileSource
from grpcdoctor.client.descriptors.protoset import protoset_source
from grpcdoctor.client.printing.element import element_of
from grpcdoctor.client.printing.proto_source import source_of
from tests.client.printing.goldens import GOLDENS, described, symbols
from tests.lab.kitchen_sink.schema import compile_protos
from tests.lab.processes import require_program

RECORDED: dict[str, dict[str, str]] = yaml.load(
    GOLDENS.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
)


@pytest.fixture(scope="module")
def protoset(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("kitchen") / "kitchen.protoset"
    path.write_bytes(compile_protos())
    return str(path)


@pytest.fixture(scope="module")
def source(protoset: str) -> FileSource:
    return protoset_source([protoset])


def ours(source: FileSource, symbol: str) -> str:
    kind, printed = element_of(asyncio.run(source.find_symbol(symbol)))
    return f"{symbol} is {kind}:\n{source_of(printed)}\n"


def test_no_symbol_of_the_kitchen_is_left_out() -> None:
    assert list(RECORDED["described"]) == symbols()
    assert len(RECORDED["described"]) > 400


@pytest.mark.parametrize("symbol", RECORDED["described"])
def test_a_symbol_is_described_as_grpcurl_describes_it(source: FileSource, symbol: str) -> None:
    assert ours(source, symbol) == RECORDED["described"][symbol]


def test_whole_files_are_written_as_grpcurl_writes_them(source: FileSource) -> None:
    services = asyncio.run(source.list_services())
    files = asyncio.run(proto_sources_of(source, services))
    assert {name: files[name] for name in RECORDED["written"]} == RECORDED["written"]


def test_the_goldens_are_what_the_installed_grpcurl_prints(protoset: str) -> None:
    grpcurl = require_program("grpcurl")
    some: Any = list(RECORDED["described"])[::25]
    assert {name: described(grpcurl, protoset, name) for name in some} == {
        name: RECORDED["described"][name] for name in some
    }
