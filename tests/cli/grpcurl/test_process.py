"""What only a real process shows: responses that come while requests are typed, Ctrl-C, closed pipes, much data."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import AT_ONCE, wait_until_connected

if TYPE_CHECKING:
    from tests.lab.kitchen_sink import Kitchen

GRPCURL = (sys.executable, "-m", "grpcdoctor", "grpcurl", "-plaintext")
SECONDS = 20.0


def start(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([*GRPCURL, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, **more)


def test_a_response_is_there_before_the_next_request_is_typed(running: Kitchen) -> None:
    with start("-d", "@", running.addresses["plain"], "kitchen.v1.Script/BidiStream") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text in ("one", "two"):
            process.stdin.write(json.dumps({"notes": [{"text": text}]}).encode())
            process.stdin.flush()
            answer = b"".join(process.stdout.readline() for _ in range(3))
            assert json.loads(answer) == {"text": text}
        process.stdin.close()
        assert process.wait(SECONDS) == 0


def test_a_server_that_ends_the_stream_ends_the_program_though_more_could_be_typed(running: Kitchen) -> None:
    plan = b'{"failure": {"code": 9, "message": "enough"}}'
    with start("-d", "@", running.addresses["plain"], "kitchen.v1.Script/BidiStream") as process:
        assert process.stdin is not None
        process.stdin.write(plan)
        process.stdin.flush()
        assert process.wait(SECONDS) == 64 + 9


@pytest.mark.parametrize("arguments", [("-d", "@"), ("-d", '{"seconds": 30}')], ids=["typing", "waiting"])
def test_ctrl_c_is_immediate_and_quiet(running: Kitchen, arguments: tuple[str, ...]) -> None:
    with start(*arguments, running.addresses["plain"], "kitchen.v1.Script/Unary") as process:
        wait_until_connected(process.pid)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert time.monotonic() - sent < AT_ONCE


def test_a_closed_pipe_is_no_news(running: Kitchen) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*GRPCURL, running.addresses["plain"], "list"], stdout=write, stderr=subprocess.PIPE, timeout=SECONDS
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_much_data_from_standard_input_is_sent_while_it_is_read(running: Kitchen) -> None:
    plans = b'{"notes": [{"text": "x"}]}\n' * 20_000
    with start("-v", "-d", "@", running.addresses["plain"], "kitchen.v1.Script/ClientStream") as process:
        out, err = process.communicate(plans, timeout=60)
    assert err == b""
    assert out.endswith(b"Sent 20000 requests and received 1 response\n")


@pytest.mark.parametrize("data", [b"\x00\xff\xfe", b'{"notes": [{"text": "\xff"}]', b"[" * 100_000])
def test_standard_input_that_is_no_request_is_one_clear_error(running: Kitchen, data: bytes) -> None:
    with start("-d", "@", running.addresses["plain"], "kitchen.v1.Script/Unary") as process:
        out, err = process.communicate(data, timeout=SECONDS)
    assert (process.returncode, out) == (1, b"")
    assert err.startswith(b'Error invoking method "kitchen.v1.Script/Unary": error getting request data: ')
    assert b"Traceback" not in err


def test_output_is_utf8_whatever_the_locale(running: Kitchen) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    plan = json.dumps({"notes": [{"text": "é"}]})
    with start("-d", plan, running.addresses["plain"], "kitchen.v1.Script/Unary", env=environment) as process:
        out, _ = process.communicate(timeout=SECONDS)
    assert json.loads(out.decode()) == {"text": "é"}
