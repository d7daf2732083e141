"""`python -m tests.differential.record [GROUP...]`: asks the real programs anew, and writes the goldens.

Wants what install_reference.sh builds. A change in what they print is a change to look at before it is committed.
"""

from __future__ import annotations

import sys

from tests.differential.cases import all_cases
from tests.differential.goldens import write_goldens
from tests.differential.outcome import Outcome
from tests.differential.running import run_real
from tests.differential.setting import setting
from tests.lab.processes import REFERENCE_HOME


def main(groups: list[str]) -> None:
    """All groups unless some are named."""
    outcomes: dict[str, dict[str, Outcome]] = {}
    with setting() as running:
        for case in all_cases():
            if not groups or case.group in groups:
                outcomes.setdefault(case.group, {})[case.name] = run_real(
                    str(REFERENCE_HOME / case.program), case, running
                )
    for group, answered in outcomes.items():
        write_goldens(group, answered)
        print(f"{group}: {len(answered)}")


if __name__ == "__main__":
    main(sys.argv[1:])
