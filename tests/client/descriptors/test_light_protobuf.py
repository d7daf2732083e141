"""What is deferred of protobuf is there as soon as it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = "import sys\nfrom grpcdoctor.client.descriptors.light_protobuf import prepare_protobuf\n"


@pytest.mark.parametrize(
    "statement",
    [
        "from google.protobuf.internal import python_message",
        "import google.protobuf.internal.python_message as python_message",
    ],
)
def test_it_is_loaded_when_something_of_it_is_used(statement: str) -> None:
    program = f"prepare_protobuf()\n{statement}\nprint(python_message.GeneratedProtocolMessageType.__name__)\n"
    assert _printed(BEGIN + program) == "GeneratedProtocolMessageType\n"


def test_messages_are_made_without_it() -> None:
    program = (
        "prepare_protobuf()\n"
        "from google.protobuf.timestamp_pb2 import Timestamp\n"
        "print(Timestamp(seconds=3).ToJsonString(), 'google.protobuf.internal.decoder' in sys.modules)\n"
    )
    assert _printed(BEGIN + program) == "1970-01-01T00:00:03Z False\n"


def test_the_text_format_of_protobuf_works_as_ever() -> None:
    program = (
        "prepare_protobuf()\n"
        "from google.protobuf import text_format\n"
        "from google.protobuf.timestamp_pb2 import Timestamp\n"
        "print(text_format.MessageToString(Timestamp(seconds=3)), end='')\n"
    )
    assert _printed(BEGIN + program) == "seconds: 3\n"


def test_what_is_loaded_already_stays() -> None:
    program = (
        "from google.protobuf.internal import python_message\n"
        "prepare_protobuf()\n"
        "print(sys.modules['google.protobuf.internal.python_message'] is python_message)\n"
    )
    assert _printed(BEGIN + program) == "True\n"


def test_the_implementation_in_c_is_used_whatever_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
    program = (
        "prepare_protobuf()\n"
        "import os\n"
        "from google.protobuf.internal import api_implementation\n"
        "print(api_implementation.Type(), os.environ['PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION'])\n"
    )
    assert _printed(BEGIN + program) == "upb python\n"


def _printed(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
