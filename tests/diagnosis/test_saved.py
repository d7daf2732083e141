"""A saved run is judged again without a network, and holds no secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import grpcdoctor
from grpcdoctor.diagnosis.saved import SavedRunError, replay_run, save_run
from grpcdoctor.model.options import ProbeOptions
from tests.lab import fakes

if TYPE_CHECKING:
    from pathlib import Path


def test_a_replayed_run_gives_the_same_report(tmp_path: Path) -> None:
    path = str(tmp_path / "run.json")
    options = ProbeOptions(trace=True, second_opinion=False)
    with fakes.rst_stream(2) as server:
        report = grpcdoctor.probe(f"grpc://127.0.0.1:{server.port}", options)
    save_run(path, report, options)
    again = replay_run(path)
    assert (again.verdict, again.causes, again.findings) == (report.verdict, report.causes, report.findings)
    assert (again.observations, again.trace, again.target) == (report.observations, report.trace, report.target)


def test_no_secret_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    options = ProbeOptions(headers=(("authorization", "Bearer t0p-s3cr3t"),), trace=True, second_opinion=False)
    with fakes.echo_authorization() as server:
        report = grpcdoctor.probe(f"grpc://127.0.0.1:{server.port}", options)
    save_run(str(path), report, options)
    text = path.read_text()
    assert "t0p-s3cr3t" not in text
    assert "authorization" in text
    assert replay_run(str(path)).verdict is report.verdict


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "no JSON"),
        ("[]", "no run saved by grpcdoctor"),
        ('{"schema": "other"}', "no run saved by grpcdoctor"),
        ('{"schema": "grpcdoctor.run/v1"}', "no run that this version can read"),
        ('{"schema": "grpcdoctor.run/v1", "target": {}, "observations": []}', "no run that this version can read"),
        (
            json.dumps({"schema": "grpcdoctor.run/v1", "observations": [{"kind": "nonsense"}]}),
            "no run that this version",
        ),
    ],
)
def test_a_file_that_is_no_run_is_one_clear_line(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(SavedRunError) as caught:
        replay_run(str(path))
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_or_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(SavedRunError, match="No such file"):
        replay_run(str(tmp_path / "none.json"))
    with fakes.healthy() as server:
        report = grpcdoctor.probe(f"grpc://127.0.0.1:{server.port}")
    with pytest.raises(SavedRunError, match="cannot write"):
        save_run(str(tmp_path / "no" / "folder.json"), report, ProbeOptions())
