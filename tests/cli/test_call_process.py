"""What only a real process shows of `call`: messages in a pipe while they come, Ctrl-C, readers that go away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.grpc_server import GrpcServer, grpc_server
from tests.patience import AT_ONCE, wait_until_connected

SECONDS = 20.0


@pytest.fixture(scope="module")
def server() -> Iterator[GrpcServer]:
    with grpc_server() as running:
        yield running


@contextmanager
def started(server: GrpcServer, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`call` with pipes; killed where it does not end by itself."""
    command = [sys.executable, "-m", "grpcdoctor", "call", f"127.0.0.1:{server.port}", "--plaintext", *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def first_lines(process: subprocess.Popen[str], count: int) -> str:
    assert process.stdout is not None
    return "".join(process.stdout.readline() for _ in range(count))


def test_a_message_is_in_the_pipe_as_soon_as_it_came(server: GrpcServer) -> None:
    with started(server, "lab.Greeter/Count", "-d", '{"limit": 2, "interval": 30}') as process:
        begun = time.monotonic()
        assert json.loads(first_lines(process, 3)) == {"number": 1}
        assert time.monotonic() - begun < AT_ONCE


def test_a_bidirectional_stream_answers_while_requests_come(server: GrpcServer) -> None:
    with started(server, "lab.Greeter/Chat", "-d", "@") as process:
        assert process.stdin is not None
        for name in ("Ann", "Bob"):
            process.stdin.write(json.dumps({"name": name}) + "\n")
            process.stdin.flush()
            assert json.loads(first_lines(process, 3)) == {"message": f"Hello, {name}!"}
        process.stdin.close()
        assert process.wait(SECONDS) == 0


@pytest.mark.parametrize("output", ["text", "json"])
def test_ctrl_c_ends_the_call_and_shows_what_came(server: GrpcServer, output: str) -> None:
    arguments = ("lab.Greeter/Count", "-d", '{"limit": 100, "interval": 0.3}', "-o", output, "-v")
    with started(server, *arguments) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("< message 2"):
            pass
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        out, err = process.communicate(timeout=SECONDS)
        assert time.monotonic() - begun < AT_ONCE
        assert process.returncode == 130
    assert "Traceback" not in err
    assert '"number": 2' in out
    if output == "json":
        found = json.loads(out)
        assert found["status"]["name"] == "CANCELLED"
        assert found["exit_code"] == 130
        assert [message["number"] for message in found["response"]["messages"]][:2] == [1, 2]


def test_ctrl_c_among_repeated_calls_sums_up_those_that_ended(server: GrpcServer) -> None:
    with started(server, "lab.Greeter/Slow", "-d", '{"seconds": 0.2}', "--repeat", "1000") as process:
        first_lines(process, 6)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 130
    assert " calls: " in err
    assert "latency: min" in err


def test_ctrl_c_while_requests_are_waited_for(server: GrpcServer) -> None:
    with started(server, "lab.Greeter/SayHello", "-d", "@") as process:
        wait_until_connected(process.pid)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, err) == (130, "")


def test_a_reader_that_goes_away_ends_the_call(server: GrpcServer) -> None:
    read, write = os.pipe()
    os.close(read)
    target = f"127.0.0.1:{server.port}"
    command = [sys.executable, "-m", "grpcdoctor", "call", target, "--plaintext", "lab.Greeter/Count"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_ascii_terminal_gets_ascii(server: GrpcServer) -> None:
    command = [sys.executable, "-m", "grpcdoctor", "list", f"127.0.0.1:{server.port}", "--plaintext", "-v"]
    done = subprocess.run(
        command, capture_output=True, timeout=SECONDS, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert b"(HelloRequest) -> HelloReply" in done.stdout


def test_a_call_imports_neither_grpcio_nor_rich_nor_prompt_toolkit(server: GrpcServer) -> None:
    code = (
        "import sys\n"
        "from grpcdoctor.cli.main import run\n"
        f"run(['call', '127.0.0.1:{server.port}', '--plaintext', 'lab.Greeter/SayHello', '-v'])\n"
        "heavy = {'grpc', 'rich', 'prompt_toolkit', 'kubernetes', 'cryptography', 'yaml', 'grpcdoctor.diagnosis'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert done.stderr.splitlines()[-1] == "[]"
