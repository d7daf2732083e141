"""`grpcdoctor grpcurl` prints what the real grpcurl prints, on servers of every kind."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.client.interop.peers import ALL, serving
from tests.differential.cases import Case
from tests.differential.running import run_ours, run_real
from tests.differential.setting import Setting
from tests.lab.certificates import lab_certificates
from tests.lab.interop import PROGRAMS
from tests.lab.processes import require_program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.interop.peers import Peer
    from tests.differential.outcome import Outcome

# Command lines for both grpcurls, by name.
COMMANDS = {
    "list": "list",
    "list a service": "list kitchen.v1.Script",
    "describe a service": "describe kitchen.v1.Script",
    "describe a method": "describe kitchen.v1.Script.ClientStream",
    "describe a message": "describe kitchen.v1.Plan",
    "describe a message that holds itself": "describe kitchen.v1.Tree",
    "describe what is not there": "describe kitchen.v1.Absent",
    "template": "-msg-template describe kitchen.v1.Header",
    "unary": """-d '{"notes": [{"text": "a", "number": 3}]}' kitchen.v1.Script/Unary""",
    "unary without data": "kitchen.v1.Script/Unary",
    "unary told at length": """-v -d '{"notes": [{"text": "a"}], "headers": [{"name": "x-h", "text": "1"},
        {"name": "x-h-bin", "binary": "AQI="}], "trailers": [{"name": "x-t", "text": "2"}]}' kitchen.v1.Script/Unary""",
    "defaults": "-emit-defaults kitchen.v1.Script/Unary",
    "text": """-format text -d 'notes: <text: "a"> notes: <text: "b">' kitchen.v1.Script/ServerStream""",
    "tree": """-d '{"branches": [{}, {"branches": [{}]}]}' kitchen.v1.Echo/Tree""",
    "server stream": """-v -d '{"notes": [{"text": "a"}, {"text": "b"}], "repeat": 2}'
        kitchen.v1.Script/ServerStream""",
    "client stream": """-v -d '{"notes": [{"text": "a"}]} {"notes": [{"text": "b"}]}' kitchen.v1.Script/ClientStream""",
    "bidi": """-v -d '{"notes": [{"text": "a"}]} {"notes": [{"text": "b"}]}' kitchen.v1.Script/BidiStream""",
    "bidi echo": "-d '{} {}' kitchen.v1.Echo/Stream",
    "failure": """-d '{"failure": {"code": 3, "message": "bäd"}}' kitchen.v1.Script/Unary""",
    "failure with details": """-d '{"failure": {"code": 9, "details": [%detail%]}}' kitchen.v1.Script/Unary""",
    "failure told at length": """-v -d '{"failure": {"code": 9, "details": [%detail%]},
        "trailers": [{"name": "x-t", "text": "2"}]}' kitchen.v1.Script/BidiStream""",
    "failure formatted": """-format-error -d '{"failure": {"code": 9, "message": "x", "details": [%detail%]}}'
        kitchen.v1.Script/ServerStream""",
    "failure after messages": """-d '{"notes": [{"text": "a"}], "failure": {"code": 14}}'
        kitchen.v1.Script/ServerStream""",
    "metadata": """-H 'x-a: 1' -H 'x-b-bin: AQI=' -rpc-header 'x-c: d' -reflect-header 'x-e: f'
        kitchen.v1.Script/Metadata""",
    "metadata sent twice": """-H 'x-a: 1' -H 'x-a: 2' -H 'x-b-bin: AQI=' -H 'x-b-bin: /w' kitchen.v1.Script/Metadata""",
    "metadata received twice": """-v -d '{"headers": [%twice%], "trailers": [%twice%]}'
        kitchen.v1.Script/ServerStream""",
    "compressed": """-v -d '{"characters": 3000, "compression": "gzip"}' kitchen.v1.Script/Unary""",
    "large": """-d '{"characters": 3000000}' kitchen.v1.Script/Unary""",
    "too large": """-max-msg-sz 20000 -d '{"characters": 30000}' kitchen.v1.Script/Unary""",
    "deadline": """-max-time 0.7 -d '{"seconds": 9}' kitchen.v1.Script/Unary""",
    "unknown method": "kitchen.v1.Script/Absent",
    "another service": """-d '{"name": "you"}' lab.Greeter/SayHello""",
}
TWICE = ", ".join(
    f'{{"name": "x-m", "text": "{text}"}}, {{"name": "x-m-bin", "binary": "{data}"}}'
    for text, data in (("a", "AQI="), ("b,c", "/w=="))
)
# What the schema of grpc_js_kitchen.proto lacks: grpc-js' reflection loses imports, and garbles maps and extensions.
MORE_COMMANDS = {
    "describe every kind of field": "describe kitchen.v1.Everything",
    "describe proto2": "describe kitchen.v1.Legacy",
    "describe an edition": "describe kitchen.v1.Modern",
    "describe options": "describe kitchen.v1.Decorated",
    "describe an extension": "describe kitchen.v1.remark",
    "template with oneofs and maps": "-msg-template describe kitchen.v1.Everything",
    "proto2 and extensions": """-d '{"id": 1, "[kitchen.v1.legacy_text]": "x"}' kitchen.v1.Echo/Legacy""",
    "well-known types": """-d '{"timestamp": "2026-01-02T03:04:05Z", "duration": "1.5s", "struct": {"a": [1, null]},
        "any": %detail%, "stringValue": "s"}' kitchen.v1.Echo/WellKnown""",
    "every kind of value": """-d '{"aDouble": 1.5, "anInt64": "9", "someBytes": "AQI=", "colour": "GREEN",
        "byBool": {"true": "t"}, "maybeInt32": 0, "chosenBool": false}' kitchen.v1.Echo/Everything""",
}


def compare(peer: Peer, line: str, *, security: str = "-plaintext") -> tuple[Outcome, Outcome]:
    """(ours, the real one's), made comparable."""
    grpcurl = require_program("grpcurl")
    setting = Setting({"server": peer.address, "detail": peer.detail, "twice": TWICE, "ca": str(lab_certificates().ca)})
    case = Case("interop", "", run=with_address(f"{security} {line}"))
    return undated(run_ours(case, setting)), undated(run_real(grpcurl, case, setting))


def with_address(line: str) -> str:
    """The address stands before a verb, or before the method, which ends the line."""
    verb = re.search(r"(?:^| )(list|describe)(?= |$)", line)
    place = verb.start(1) if verb else re.search(r"\S+\s*$", line).start()  # type: ignore[union-attr]
    return f"{line[:place]}%server% {line[place:]}"


def undated(outcome: Outcome) -> Outcome:
    """grpc-js tells the time in its headers."""
    return replace(outcome, stdout=re.sub(r"(?m)^date: .*", "date: %time%", outcome.stdout))


def test_a_field_is_described_even_where_reflection_knows_none_by_name(peer: Peer) -> None:
    """grpc-java's does not, and there the real grpcurl gives up."""
    ours, real = compare(peer, "describe kitchen.v1.Plan.notes")
    assert (ours.code, ours.stdout) == (
        0, "kitchen.v1.Plan.notes is a field:\nrepeated .kitchen.v1.Note notes = 1;\n")  # fmt: skip
    assert ours.stdout == real.stdout or peer.program == "grpc-java"


@pytest.mark.parametrize("name", COMMANDS)
def test_grpcurl_prints_the_same(peer: Peer, name: str) -> None:
    ours, real = compare(peer, COMMANDS[name])
    assert (ours.code, ours.stdout) == (real.code, real.stdout)
    if real.code >= 64:
        words = real.stderr.splitlines()
        if name == "deadline":
            words = words[:2]  # the code; who sees the end first, server or client, has the message
        assert set(words) <= set(ours.stderr.splitlines())


@pytest.mark.parametrize("peer", PROGRAMS, indirect=True)
@pytest.mark.parametrize("name", MORE_COMMANDS)
def test_grpcurl_prints_the_same_of_more_types(peer: Peer, name: str) -> None:
    ours, real = compare(peer, MORE_COMMANDS[name])
    assert (ours.code, ours.stdout) == (real.code, real.stdout)


def test_grpcurl_prints_the_same_of_googles_error_details(tmp_path: Path) -> None:
    """grpc-go's reflection alone knows them: ours has them itself, which grpcurl does not."""
    with serving("grpc-go", tmp_path) as running:
        for form in ("", "-format-error "):
            plan = f'{{"failure": {{"code": 3, "details": {running.google_details}}}}}'
            ours, real = compare(running, f"{form}-d '{plan}' kitchen.v1.Script/Unary")
            assert ours.code == real.code == 67
            assert real.stderr.splitlines() == ours.stderr.splitlines()[: len(real.stderr.splitlines())]


@pytest.mark.parametrize("code", range(1, 17))
def test_grpcurl_says_the_same_of_every_status(peer: Peer, code: int) -> None:
    plan = f'{{"failure": {{"code": {code}, "message": "m"}}}}'
    ours, real = compare(peer, f"-d '{plan}' kitchen.v1.Script/Unary")
    assert ours.code == real.code == 64 + code
    assert set(real.stderr.splitlines()) <= set(ours.stderr.splitlines())


@pytest.mark.parametrize("program", ALL)
def test_grpcurl_prints_the_same_over_tls(program: str, tmp_path: Path) -> None:
    with serving(program, tmp_path, tls=True) as running:
        security = "-cacert %ca% -authority localhost"
        for line in ("describe kitchen.v1.Note", COMMANDS["unary told at length"]):
            ours, real = compare(running, line, security=security)
            assert (ours.code, ours.stdout) == (real.code, real.stdout)
            assert real.code == 0
