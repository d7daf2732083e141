"""What a cold call or check loads: scripts start them again and again, and each module and class on the way has its
price at each start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.lab.grpc_server import GrpcServer, grpc_server

SECONDS: Final = 60.0
# Some with the milliseconds that they take.
NOT_NEEDED: Final = (
    "click",
    "difflib",
    "google.protobuf.internal.decoder",  # protobuf in pure Python: 11 with all that it imports
    "google.protobuf.text_format",
    "grpc",
    "grpcdoctor.client.formats.text_writer",
    "grpcdoctor.client.transport.http1_exchange",
    "grpcdoctor.client.transport.securing",
    "grpcdoctor.diagnosis",
    "grpcdoctor.model.facts.http2",  # 4
    "grpcdoctor.model.facts.reach",  # 4
    "grpcdoctor.model.observation",  # 2
    "grpcdoctor.wire.fingerprint",
    "grpcdoctor.wire.handshake",
    "grpcdoctor.wire.resolve",
    "grpcdoctor.wire.tls",
    "h2",
    "kubernetes",
    "pickle",
    "rich",
    "yaml",
    "zlib",
)
# Half a millisecond each, where a NamedTuple takes a tenth. These are compared, saved or redacted field by field.
DATACLASSES: Final = {"grpcurl": ["Target"], "health": ["HealthQuestion", "Target"]}
# A tenth of a millisecond each. These read every JSON request.
PATTERNS: Final = {
    "grpcurl": ["_BARE_END", "_BRACKET", "_NO_SPACE", "_SPACE", "_STRING_END"],
    "health": [],
}

PROGRAM: Final = """
import json, re, sys
from grpcdoctor.cli.start import _short_cut
words = sys.argv[1:]
code = _short_cut(words[:1], words[1:])(words[1:])
ours = [module for name, module in sys.modules.items() if name.startswith("grpcdoctor")]
things = {(name, id(thing)): thing for module in ours for name, thing in vars(module).items()}
found = {
    "code": code,
    "modules": list(sys.modules),
    "dataclasses": sorted(name for (name, _), thing in things.items() if hasattr(thing, "__dataclass_fields__")),
    "patterns": sorted(name for (name, _), thing in things.items() if isinstance(thing, re.Pattern)),
}
print(json.dumps(found), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[GrpcServer]:
    with grpc_server() as running:
        yield running


@pytest.fixture(scope="module")
def loaded(server: GrpcServer) -> dict[str, dict[str, Any]]:
    """By the command: what there is in a process of its own when it has done its work."""
    address = f"127.0.0.1:{server.port}"
    return {
        "grpcurl": _run("grpcurl", "-plaintext", "-d", '{"name": "Ann"}', address, "lab.Greeter/SayHello"),
        "health": _run("health", "-addr", address),
    }


def _run(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-c", PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    assert found["code"] == 0, done
    return found


@pytest.mark.parametrize("command", DATACLASSES)
def test_what_is_not_used_is_not_loaded(loaded: dict[str, dict[str, Any]], command: str) -> None:
    assert [name for name in NOT_NEEDED if name in loaded[command]["modules"]] == []


@pytest.mark.parametrize("command", DATACLASSES)
def test_no_dataclass_is_made_where_a_named_tuple_does(loaded: dict[str, dict[str, Any]], command: str) -> None:
    assert loaded[command]["dataclasses"] == DATACLASSES[command]


@pytest.mark.parametrize("command", PATTERNS)
def test_no_pattern_is_compiled_before_it_is_needed(loaded: dict[str, dict[str, Any]], command: str) -> None:
    assert loaded[command]["patterns"] == PATTERNS[command]
