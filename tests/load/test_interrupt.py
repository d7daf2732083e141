"""Ctrl-C stops a run over many targets within a second and prints what is done."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.lab.processes import ROOT
from tests.load.fleet import fleet

# A second on an idle machine. On a busy one it takes longer, yet far less than the 20 or 30 s that were asked for.
AT_ONCE = 4.0

@pytest.mark.slow
@pytest.mark.parametrize("output", ["text", "json"])
def test_ctrl_c_prints_what_is_done_and_leaves_within_a_second(tmp_path: Path, output: str) -> None:
    with fleet(20) as good, fleet(60, silent=True) as silent:
        targets = tmp_path / "targets.txt"
        targets.write_text("# many\n" + "".join(f"grpc://127.0.0.1:{port}\n" for port in good + silent * 4))
        command = [
            sys.executable,
            "-m",
            "grpcdoctor",
            "probe",
            "--targets",
            str(targets),
            "-o",
            output,
            "--timeout",
            "30",
        ]
        child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
        )
        assert child.stdout is not None
        assert child.stderr is not None
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(child.stdout or ()), daemon=True)
        reader.start()
        try:
            _wait_for(lambda: len(lines) >= 20, 30)
            interrupted = time.monotonic()
            child.send_signal(signal.SIGINT)
            code = child.wait(10)
            took = time.monotonic() - interrupted
        finally:
            child.kill()
        reader.join(5)
        errors = child.stderr.read()
        child.stdout.close()
        child.stderr.close()
    assert took < AT_ONCE, errors
    assert code == 130, errors
    assert "Traceback" not in errors
    assert "never retrieved" not in errors
    assert sum("127.0.0.1" in line for line in lines) >= 20


def _wait_for(ready: object, seconds: float) -> None:
    assert callable(ready)
    until = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < until, "no reports came"
        time.sleep(0.05)
