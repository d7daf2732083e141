"""Ctrl-C stops a run over many targets at once and prints what is done."""

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
from tests.patience import AT_ONCE, wait_until


@pytest.mark.slow
@pytest.mark.parametrize("output", ["text", "json"])
def test_ctrl_c_prints_what_is_done_and_leaves_at_once(tmp_path: Path, output: str) -> None:
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
            wait_until(lambda: len(lines) >= 20)
            interrupted = time.monotonic()
            child.send_signal(signal.SIGINT)
            code = child.wait(20)
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
