"""What only a real process shows: Ctrl-C, closed pipes, encodings, the cost of --help."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import AT_ONCE, PATIENCE

GRPCDOCTOR = (sys.executable, "-m", "grpcdoctor")


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A port that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        listener.settimeout(PATIENCE)
        yield listener


def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*GRPCDOCTOR, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **more},
    )


def interrupted(process: subprocess.Popen[str]) -> tuple[str, str, float]:
    """Both streams after Ctrl-C, and the seconds that it took."""
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    out, err = process.communicate(timeout=20)
    return out, err, time.monotonic() - sent


def test_ctrl_c_ends_a_probe_at_once_and_without_a_traceback(silent: socket.socket) -> None:
    target = f"127.0.0.1:{silent.getsockname()[1]}"
    with start("probe", target, "--timeout", "30", "--trace") as process, silent.accept()[0]:
        out, err, seconds = interrupted(process)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert seconds < AT_ONCE


def test_ctrl_c_among_many_targets_prints_what_is_done(silent: socket.socket) -> None:
    port = silent.getsockname()[1]
    with start("probe", "127.0.0.1:1", f"127.0.0.1:{port}", f"localhost:{port}", "--timeout", "30") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        out, err, seconds = interrupted(process)
    assert process.returncode == 130
    assert first.startswith("✗ 127.0.0.1:1 ")
    assert "1 target: 1 broken" in out
    assert err == "grpcdoctor: interrupted after 1 of 3 targets\n"
    assert seconds < AT_ONCE


@pytest.mark.parametrize("arguments", [("rule", "--list"), ("--help",), ("probe", "127.0.0.1:1", "127.0.0.1:2")])
def test_a_closed_pipe_is_no_news(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*GRPCDOCTOR, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments", [("rule", "--list"), ("grpcurl", "-proto", "a.proto", "-import-path", ".", "list")]
)
def test_a_full_disk_is_said_in_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.proto").write_text('syntax = "proto3"; service S {}')
    given = [str(tmp_path) if word == "." else word for word in arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*GRPCDOCTOR, *given], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stderr == "grpcdoctor: the output could not be written: No space left on device\n"


def test_an_ascii_stream_gets_ascii() -> None:
    with start("probe", "127.0.0.1:1", "--no-second-opinion", PYTHONIOENCODING="ascii") as process:
        out, err = process.communicate(timeout=60)
    assert out.startswith("FAIL 127.0.0.1:1  BROKEN")
    assert out.isascii()
    assert err == ""


def test_help_costs_at_most_ten_times_a_bare_interpreter() -> None:
    def best_of(*command: str) -> float:
        times = []
        for _ in range(5):
            start_at = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, timeout=60)
            times.append(time.perf_counter() - start_at)
        return min(times)

    assert best_of(*GRPCDOCTOR, "--help") <= 10 * best_of(sys.executable, "-c", "pass")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("grpcdoctor pr", "probe"), ("grpcdoctor probe --time", "--timeout"), ("grpcdoctor probe -o ma", "markdown")],
)
def test_the_shell_can_complete_commands_options_and_formats(words: str, wanted: str) -> None:
    asked = {"_GRPCDOCTOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    with start(**asked) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert f"plain,{wanted}" in out.split()
