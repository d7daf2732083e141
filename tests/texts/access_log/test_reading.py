"""Reading: compressed, damaged, endless, or a pipe that is still being written."""

from __future__ import annotations

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from grpcdoctor.texts.access_log import LogReader, UnreadableLogError, parse_since
from grpcdoctor.texts.access_log.parse import LONGEST_LINE
from tests.texts.access_log.lines import ISTIO

LINES = [f"line {n}" for n in range(5000)]
TEXT = "\n".join(LINES).encode()


def read(*paths: Path) -> tuple[list[str], list[str]]:
    reader = LogReader([str(path) for path in paths])
    return [line for batch in reader.batches() for line in batch], reader.notes


@pytest.mark.parametrize("data", [TEXT, TEXT + b"\n", TEXT.replace(b"\n", b"\r\n"), gzip.compress(TEXT)])
def test_lines_are_read_whatever_their_ends(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "log").write_bytes(data)
    assert read(tmp_path / "log") == (LINES, [])
    assert read(tmp_path) == (LINES, [])


def test_gzip_members_are_read_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    assert read(tmp_path / "log") == (["a", "b"], [])


def test_truncated_gzip_is_given_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(gzip.compress(TEXT)[:-2000])
    lines, notes = read(tmp_path / "log")
    assert 0 < len(lines) < len(LINES)
    assert "ends in the middle" in notes[0]


@pytest.mark.needs("zstd")
def test_zstd_is_read_and_its_truncation_said(tmp_path: Path) -> None:
    packed = subprocess.run(["zstd", "-c"], input=TEXT, capture_output=True, check=True).stdout
    (tmp_path / "log").write_bytes(packed)
    assert read(tmp_path / "log") == (LINES, [])
    (tmp_path / "cut").write_bytes(packed[:-20])
    assert "ends in the middle" in read(tmp_path / "cut")[1][0]


def test_a_line_without_end_is_cut_and_said(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 5_000_000 + b"\nnext\n")
    lines, notes = read(tmp_path / "log")
    assert [len(line) for line in lines] == [LONGEST_LINE, 4]
    assert "1 line was cut" in notes[0]


def test_garbage_and_utf16_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(bytes(range(256)) * 100)
    read(tmp_path / "garbage")
    (tmp_path / "utf16").write_bytes("one\r\ntwo\r\n".encode("utf-16"))
    assert read(tmp_path / "utf16")[0][1] == "two"


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLogError, match="no such file"):
        LogReader([tmp_path / "missing"])


def test_a_pipe_gives_what_is_there_without_waiting_for_more() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        following = LogReader([], stream).follow(tick_seconds=0.01)
        assert next(following) == []
        os.write(writing, b"one\ntw")
        assert next(line for line in following if line) == ["one"]
        os.write(writing, b"o\n")
        assert next(line for line in following if line) == ["two"]
        os.close(writing)
        assert list(following) == []


def test_since_counts_back_from_the_newest_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"{ISTIO}\nrubbish\n")
    newest = LogReader([tmp_path / "log"]).newest_time()
    assert newest == pytest.approx(1795581964.123)
    assert parse_since("1h30m", now=0, newest=newest).time == pytest.approx(1795581964.123 - 5400)
    assert parse_since("10s", now=100, newest=None).words == "10s before now"
    assert parse_since("2026-11-25T04:46:04Z", now=0, newest=None).time == 1795581964
    with pytest.raises(ValueError, match="neither a duration"):
        parse_since("soon", now=0, newest=None)
