"""Dataclasses to JSON and back."""

from __future__ import annotations

import json

import pytest

from grpcdoctor.model.codec import CodecError, decode, encode
from grpcdoctor.model.facts.grpc import HealthFacts, Reply
from grpcdoctor.model.facts.tls import Certificate, Handshake, TlsFacts
from grpcdoctor.model.observation import Facts
from grpcdoctor.model.options import ProbeOptions


def test_nested_facts_survive_json() -> None:
    facts = TlsFacts(chain=(Certificate(names=("a", "b")),), verified=Handshake(alert=70))
    assert decode(TlsFacts, json.loads(json.dumps(encode(facts)))) == facts
    health = HealthFacts(check=Reply(headers=(("a", "b"),)), statuses=(("s", "SERVING"),))
    assert decode(HealthFacts, json.loads(json.dumps(encode(health)))) == health


@pytest.mark.parametrize("kind", sorted(Facts.kinds))
def test_every_kind_of_facts_survives(kind: str) -> None:
    facts = Facts.kinds[kind]()
    assert decode(Facts.kinds[kind], json.loads(json.dumps(encode(facts)))) == facts


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"nonsense": 1}, "unknown field 'nonsense'"),
        ({"timeout": "soon"}, "ProbeOptions.timeout"),
        ({"count": True}, "ProbeOptions.count"),
        ({"headers": {"a": "b"}}, "ProbeOptions.headers"),
        ({"headers": [["a"]]}, "ProbeOptions.headers[0]"),
        ([], "an object is wanted"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(data: object, where: str) -> None:
    with pytest.raises(CodecError) as caught:
        decode(ProbeOptions, data)
    assert where in str(caught.value)
