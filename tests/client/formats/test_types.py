"""Types: looked up in the source once, then in what this program has itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from grpcdoctor.client.formats.json_writer import to_json
from grpcdoctor.client.formats.types import TypeNeededError, Types
from tests.client.formats.schema import PoolSource, new

if TYPE_CHECKING:
    from grpcdoctor.client.call import DescriptorSource


def types_of(source: PoolSource, *, fill_in: bool = True) -> Types:
    return Types(cast("DescriptorSource", source), fill_in=fill_in)


def test_a_type_that_nobody_looked_up_is_asked_for() -> None:
    with pytest.raises(TypeNeededError) as needed:
        types_of(PoolSource()).find("lab.Small")
    assert needed.value.name == "lab.Small"


def test_settling_looks_up_each_type_once_and_the_extensions_of_those_that_take_any() -> None:
    source = PoolSource()
    message = new("lab.All")
    for name in ("lab.Small", "lab.old.Old", "nobody.Knows", "lab.Small"):
        message.anys.add(type_url=f"type.googleapis.com/{name}")
    types = types_of(source)
    text = asyncio.run(types.settle(lambda: to_json(message, types, compact=True)))
    assert source.asked == ["lab.Small", "lab.old.Old", "extensions of lab.old.Old", "nobody.Knows"]
    assert '"@error": "nobody.Knows is not recognized' in text


def test_without_a_source_the_types_of_protobuf_itself_are_known() -> None:
    types = Types()
    found = types.find("google.protobuf.Timestamp")
    assert found is not None
    assert types.is_linked("google.protobuf.Timestamp")
    assert types.find("lab.Small") is None


def test_no_more_types_are_looked_up_than_a_sane_message_names() -> None:
    source = PoolSource()
    message = new("lab.All")
    for number in range(500):
        message.anys.add(type_url=f"x/nobody.N{number}")
    types = types_of(source)
    asyncio.run(types.settle(lambda: to_json(message, types)))
    assert len(source.asked) == 200
