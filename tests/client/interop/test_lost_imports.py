"""@grpc/reflection tells no file's imports. The real grpcurl gives such a service up; ours finds them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from grpcdoctor.client.descriptors.export import protoset_of
from tests.client.interop.peers import serving
from tests.client.interop.test_calls import ask
from tests.client.interop.test_grpcurl import compare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grpcdoctor.client.call import Channel
    from grpcdoctor.client.descriptors.reflection import ReflectionSource
    from tests.client.interop.peers import Peer

SHELF = {
    "notes": {"a": {"text": "plum", "number": 1}},
    "filled_at": "2026-01-02T03:04:05Z",
    "thing": {"@type": "type.googleapis.com/kitchen.v1.Note", "text": "quince"},
    "kind": "OAK",
}
DESCRIBED = """larder.v1.Shelf is a message:
message Shelf {
  map<string, .kitchen.v1.Note> notes = 1;
  .google.protobuf.Timestamp filled_at = 2;
  .google.protobuf.Any thing = 3;
  .kitchen.v1.Tree.Kind kind = 4;
}
"""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with serving("grpc-js", tmp_path_factory.mktemp("interop")) as running:
        yield running


def test_a_message_with_types_of_other_packages_is_described(peer: Peer) -> None:
    ours, real = compare(peer, "describe larder.v1.Shelf")
    assert (ours.code, ours.stdout) == (0, DESCRIBED)
    assert real.code == 1
    assert "cannot resolve type" in real.stderr


def test_a_service_with_such_messages_is_called(peer: Peer) -> None:
    ours, real = compare(peer, f"-d '{json.dumps(SHELF)}' larder.v1.Larder/Keep")
    assert (ours.code, real.code) == (0, 1)
    assert json.loads(ours.stdout) == SHELF


def test_a_descriptor_set_that_was_written_has_the_imports(peer: Peer) -> None:
    async def written(_: Channel, source: ReflectionSource) -> bytes:
        return await protoset_of(source, ["larder.v1.Larder"])

    files = FileDescriptorSet.FromString(ask(peer, written)).file
    *before, last = files
    assert (last.package, list(last.dependency)) == ("larder.v1", sorted(file.name for file in before))
    assert {file.package for file in before} == {"google.protobuf", "kitchen.v1"}
