"""protobuf is the one in C; what is deferred of it is there as soon as it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = ("import os, sys", "from grpcdoctor.client.descriptors.light_protobuf import prepare_protobuf")


@pytest.mark.parametrize(
    "statement",
    [
        "from google.protobuf.internal import python_message",
        "import google.protobuf.internal.python_message as python_message",
    ],
)
def test_it_is_loaded_when_something_of_it_is_used(statement: str) -> None:
    shown = "print(python_message.GeneratedProtocolMessageType.__name__)"
    assert _printed("prepare_protobuf()", statement, shown) == "GeneratedProtocolMessageType\n"


def test_messages_are_made_without_it() -> None:
    printed = _printed(
        "prepare_protobuf()",
        "from google.protobuf.timestamp_pb2 import Timestamp",
        "print(Timestamp(seconds=3).ToJsonString(), 'google.protobuf.internal.decoder' in sys.modules)",
    )
    assert printed == "1970-01-01T00:00:03Z False\n"


def test_the_text_format_of_protobuf_works_as_ever() -> None:
    printed = _printed(
        "prepare_protobuf()",
        "from google.protobuf import text_format",
        "from google.protobuf.timestamp_pb2 import Timestamp",
        "print(text_format.MessageToString(Timestamp(seconds=3)), end='')",
    )
    assert printed == "seconds: 3\n"


def test_what_is_loaded_already_stays() -> None:
    printed = _printed(
        "from google.protobuf.internal import python_message",
        "prepare_protobuf()",
        "print(sys.modules['google.protobuf.internal.python_message'] is python_message)",
    )
    assert printed == "True\n"


def test_the_implementation_in_c_is_used_whatever_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
    printed = _printed(
        "prepare_protobuf()",
        "from google.protobuf.internal import api_implementation",
        "print(api_implementation.Type(), os.environ['PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION'])",
    )
    assert printed == "upb python\n"


def _printed(*lines: str) -> str:
    """What a program of these lines prints, in a process of its own."""
    command = [sys.executable, "-c", "\n".join((*BEGIN, *lines))]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
