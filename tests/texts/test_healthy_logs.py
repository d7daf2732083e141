"""A healthy log has no cause: no signature that counts is in a line of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from grpcdoctor.texts.matching import matches_in
from grpcdoctor.texts.normalise import normalise

COUNTS: Final = 20
LINES: Final = (Path(__file__).parent / "healthy.log").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_line_of_a_healthy_log_bears_no_signature_that_counts(line: str) -> None:
    found = matches_in(normalise(line))
    assert [match.signature.id for match in found if match.signature.weight >= COUNTS] == []
