"""`grpcdoctor health` takes grpc-health-probe's command lines, and ends with its exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential.cases import cases_of
from tests.differential.goldens import golden
from tests.differential.running import run_ours

if TYPE_CHECKING:
    from tests.differential.cases import Case
    from tests.differential.setting import Setting

CASES = cases_of("grpc-health-probe")
ANSWERED = (0, 4)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_ours_ends_as_the_probe_does(case: Case, differential_setting: Setting) -> None:
    real, ours = golden(case), run_ours(case, differential_setting)
    assert (ours.code, ours.stdout) == (case.ours.get("code", real.code), real.stdout)
    if real.code in ANSWERED and not case.deviation:  # else ours says better why
        assert real.stderr.splitlines()[-1] in ours.stderr.splitlines()
