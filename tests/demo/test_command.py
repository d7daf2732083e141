"""`grpcdoctor demo`, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

GRPCDOCTOR = (sys.executable, "-m", "grpcdoctor", "demo")


def demo(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GRPCDOCTOR, *arguments], capture_output=True, text=True, timeout=60, cwd=cwd)


def test_the_default_says_what_is_set_up_and_how_to_do_the_same_and_exits_0() -> None:
    done = demo()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "TLS gateway without ALPN" in done.stdout
    assert re.search(r"grpcdoctor probe 127\.0\.0\.1:\d+ --cacert \S+/ca\.pem", done.stdout)
    assert "alpn-missing" in done.stdout
    assert re.search(r"Next +grpcdoctor demo \S+", done.stdout)


def test_the_report_alone_goes_to_stdout_in_json() -> None:
    done = demo("healthy", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "healthy"
    assert "grpcdoctor probe 127.0.0.1:" in done.stderr


def test_the_list_names_every_scenario() -> None:
    done = demo("--list")
    assert done.returncode == 0
    for name in ("alpn-missing", "healthy", "certificate-expired", "plaintext-on-tls-port", "http1-backend",
                 "trailers-missing", "rst-stream"):  # fmt: skip
        assert f"\n{name}\n" in f"\n{done.stdout}"


def test_every_line_but_the_command_fits_80_columns() -> None:
    for output in (demo("--list").stdout, demo("goaway-on-connect").stdout):
        wide = [line for line in output.splitlines() if len(line) > 80 and "--cacert" not in line]
        assert wide == []


@pytest.mark.parametrize("arguments", [("no-such-scenario",), ("healthy", "--list")])
def test_a_wrong_word_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    done = demo(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_diagnosis_that_misses_the_cause_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    from grpcdoctor.cli.main import run
    from grpcdoctor.demo.scenarios import healthy

    monkeypatch.setattr(healthy, "CAUSE", "alpn-missing")
    assert run(["demo", "healthy"]) == 1


def test_ctrl_c_ends_a_kept_scenario_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [*GRPCDOCTOR, "healthy", "--keep"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stderr is not None
        assert "Ctrl-C" in child.stderr.readline()
        assert list(tmp_path.glob("grpcdoctor-demo-*"))
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=2) == 130
        assert "Traceback" not in child.stderr.read()
    assert list(tmp_path.iterdir()) == []
