"""Texts that were made to be slow: nested repetitions, endless words, quotes in quotes. Each is read, and soon."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcdoctor.diagnosis.explain import explain
from grpcdoctor.diagnosis.explain_log import LogExplainer
from grpcdoctor.report.json import to_json
from grpcdoctor.texts.signature import signatures
from tests.report.test_json import VALIDATOR

LENGTH = 200_000
PIECES = (
    "a.", "a-b.", "probe -a ", "grpcurl -x=y", "1.", "[::1]:", "after 1 ", "code = ", '"', "\\", "{", "error ",
    "RST_STREAM ", "outbound|1||", "A_", "a/", "aA.", "desc = ", "failed to connect ", "\x1b[", "&#", "%20", " ", "x",
    "upstream ", "http://", "handshake ", "connection ", "transport: Error while dialing: ", "\x00", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_repeated_piece_neither_hangs_nor_crashes(piece: str) -> None:
    VALIDATOR.validate(to_json(explain(piece * (LENGTH // len(piece)))))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *(one.examples[0] for one in signatures())]), max_size=12))
def test_any_mixture_is_read(pieces: list[str]) -> None:
    text = "".join(pieces)
    VALIDATOR.validate(to_json(explain(text)))
    log = LogExplainer()
    log.add(text.split("\n"))
    VALIDATOR.validate(to_json(log.report()))
