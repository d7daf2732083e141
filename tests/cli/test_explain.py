"""`grpcdoctor explain` as users type it: a text, files, a pipe; good and bad input."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.environment import Environment, Terminal
from tests.patience import wait_until
from tests.report.test_json import VALIDATOR

PREFACE = 'rpc error: code = Unavailable desc = connection error: desc = "error reading server preface: EOF"'
GRPCDOCTOR = (sys.executable, "-m", "grpcdoctor", "explain")


def line(second: int, code: str = "200", flags: str = "-", details: str = "via_upstream", path: str = "Add") -> str:
    """One of Istio's access log."""
    return (
        f'[2026-11-25T03:{second // 60:02d}:{second % 60:02d}.123Z] "POST /shop.Cart/{path} HTTP/2" {code} {flags} '
        f'{details} - "-" 5 7 12 11 "10.0.0.1" "grpc-go/1.67.0" "id-{second}" "cart.prod:50051" "10.0.0.7:50051" '
        "outbound|50051||cart.prod.svc.cluster.local 10.1.0.1:4 10.2.0.1:50051 10.3.0.1:5 - default"
    )


def access_log(good: int, bad: int) -> str:
    lines = [line(second) for second in range(good)]
    lines += [line(second, flags="UH", details="no_healthy_upstream", path="Get") for second in range(bad)]
    return "\n".join(lines) + "\n"


def test_a_text_in_quotes_is_explained(env: Environment) -> None:
    result = env.run("explain", PREFACE)
    assert result.code == 1
    assert "plaintext-expected-tls-found" in result.out
    assert "grpcdoctor probe" in result.out


def test_words_without_quotes_are_one_text(env: Environment) -> None:
    assert "deadline" in env.run("explain", "context", "deadline", "exceeded").out


def test_a_file_and_standard_input_say_the_same(env: Environment, tmp_path: Path) -> None:
    file = tmp_path / "error.txt"
    file.write_text(PREFACE)
    assert env.run("explain", str(file)).out == env.run("explain", "-", stdin=PREFACE).out


def test_what_is_not_recognised_exits_3(env: Environment) -> None:
    result = env.run("explain", "hello world")
    assert result.code == 3
    assert "Not recognised" in result.out


def test_every_cause_in_the_json_has_its_id(env: Environment) -> None:
    report = json.loads(env.run("explain", PREFACE, "-o", "json").out)
    VALIDATOR.validate(report)
    assert report["command"] == "explain"
    assert report["causes"][0]["cause"] == "plaintext-to-tls"
    assert all(cause["cause"] for cause in report["causes"])


def test_an_access_log_is_counted(env: Environment, tmp_path: Path) -> None:
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(access_log(good=200, bad=40).encode()))
    result = env.run("explain", str(file), "-o", "json", "--fail-on", "warning")
    report = json.loads(result.out)
    VALIDATOR.validate(report)
    assert result.code == 1
    assert report["causes"][0]["cause"] == "no-endpoints"
    assert report["causes"][0]["severity"] == "warning"
    facts = report["observations"][0]["facts"]
    assert (facts["requests"], facts["groups"][0]["count"]) == (240, 40)


def test_a_log_in_which_most_fails_is_broken(env: Environment) -> None:
    result = env.run("explain", "-", stdin=access_log(good=1, bad=100))
    assert result.code == 1
    assert "error GD427 no-healthy-upstream" in result.out


def test_a_healthy_log_exits_0(env: Environment) -> None:
    result = env.run("explain", "-", stdin=access_log(good=100, bad=0))
    assert result.code == 0
    assert "100.00% ended well" in result.out


@pytest.mark.parametrize(
    ("options", "requests"),
    [
        (["--path", "/shop.Cart/Get"], 40),
        (["--host", "cart.prod"], 240),
        (["--host", "other"], 0),
        (["--since", "10s"], 11),
    ],
)
def test_a_log_is_filtered(env: Environment, tmp_path: Path, options: list[str], requests: int) -> None:
    file = tmp_path / "access.log"
    file.write_text(access_log(good=200, bad=40))
    report = json.loads(env.run("explain", str(file), *options, "-o", "json").out)
    assert report["observations"][0]["facts"]["requests"] == requests


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--since", "yesterday", "FILE"], "neither a duration"),
        (["--host", "x", "some error text"], "are for logs"),
        (["/nowhere/access.log"], "no such file"),
        (["acess.log"], "no such file"),
    ],
)
def test_bad_input_gets_one_clear_line(env: Environment, tmp_path: Path, arguments: list[str], words: str) -> None:
    file = tmp_path / "access.log"
    file.write_text(access_log(good=100, bad=0))
    result = env.run("explain", *(str(file) if word == "FILE" else word for word in arguments))
    assert words in result.err + result.out
    assert "Traceback" not in result.err


def test_what_is_no_text_is_never_healthy(env: Environment, tmp_path: Path) -> None:
    file = tmp_path / "core"
    file.write_bytes(bytes(range(128, 256)) * 4 + b"\n" + b"\xff\xfe\n" * 200)
    result = env.run("explain", str(file))
    assert result.code == 3
    assert "are no text" in " ".join(result.out.split())


def test_a_packed_text_that_ends_too_early_says_so(env: Environment, tmp_path: Path) -> None:
    file = tmp_path / "error.gz"
    file.write_bytes(gzip.compress((PREFACE + "\n").encode() + os.urandom(400))[:-30])
    assert "ends in the middle" in " ".join(env.run("explain", str(file)).out.split())


def test_nothing_given_at_a_terminal_is_a_usage_error(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grpcdoctor.cli.explaining.is_terminal", lambda stream: True)
    result = env.run("explain")
    assert result.code == 2
    assert "give the text in quotes" in result.err


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_the_page_fits_the_terminal(env: Environment, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    env.out = Terminal
    monkeypatch.setenv("COLUMNS", columns)
    for text in (PREFACE, "context deadline exceeded"):
        out = env.run("explain", "--no-color", text).out
        wide = [row for row in out.split("\n") if len(row) > int(columns) and "grpcdoctor" not in row]
        assert wide == []


def test_the_list_has_every_signature(env: Environment) -> None:
    assert " signatures" in env.run("explain", "--list").out
    assert len(json.loads(env.run("explain", "--list", "-o", "json").out)) > 200


def test_run_probes_and_answers(env: Environment) -> None:
    result = env.run("explain", "--run", "--target", "127.0.0.1:1", "context deadline exceeded", "-o", "json")
    report = json.loads(result.out)
    VALIDATOR.validate(report)
    assert report["causes"][0]["name"] == "tcp-refused"
    assert report["causes"][0]["confidence"] >= 0.97


def test_run_without_an_endpoint_says_what_is_missing(env: Environment) -> None:
    assert "--target HOST:PORT" in " ".join(env.run("explain", "--run", "context deadline exceeded").out.split())


def test_a_deep_stack_trace_is_one_text(env: Environment) -> None:
    frames = "\n".join(f"\tat io.grpc.internal.Frame{number}.run(Frame.java:{number})" for number in range(150))
    cause = "Caused by: java.net.ConnectException: Connection refused"
    trace = f"io.grpc.StatusRuntimeException: UNAVAILABLE\n{frames}\n{cause}\n{frames}"
    report = json.loads(env.run("explain", "-", "-o", "json", stdin=trace).out)
    assert report["observations"][0]["probe"] == "text"
    assert report["causes"][0]["cause"] == "connection-refused"


def waiting_in(pipe: Any) -> int:
    """Bytes that nobody has read yet."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_running_pipe_is_ended_by_ctrl_c_with_what_was_read(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*GRPCDOCTOR, "-", "-o", "json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(access_log(good=90, bad=30).encode())
    process.stdin.flush()
    wait_until(lambda: not waiting_in(process.stdin))
    time.sleep(1)  # and what was read is counted
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert b"Traceback" not in err
    assert json.loads(out)["observations"][0]["facts"]["requests"] == 120
