"""The situations of the documents that the project was created from, whole, through the command line.

Each file says in its first lines what is expected: the rules that must be found as causes or consequences (and no other
error or warning), or `nothing`, which means no finding above info. The correct variants are the near misses.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.environment import Environment
from tests.inspect.certificates import with_certificates

SITUATIONS = sorted((Path(__file__).parent / "situations").glob("*.yaml"))


def expected(path: Path) -> tuple[set[str], set[str]]:
    """(the names of all causes, remarks that must be there)."""
    line = re.search(r"^# expect: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert line is not None
    wanted, _, remarks = line[1].partition("; remarks: ")
    names = set() if wanted == "nothing" else set(wanted.split(", "))
    return names, set(filter(None, remarks.split(", ")))


@pytest.mark.parametrize("path", SITUATIONS, ids=lambda path: path.stem)
def test_a_situation_has_the_causes_that_it_names_and_no_others(path: Path, env: Environment, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    complete = ["--complete"] if "\n# cluster: complete\n" in text else []
    manifest = tmp_path / path.name
    manifest.write_text(with_certificates(text), encoding="utf-8")
    done = env.run("inspect", "-f", str(manifest), *complete, "-o", "json")
    report = json.loads(done.out)
    causes, remarks = expected(path)
    assert {cause["name"] for cause in report["causes"]} == causes, report["causes"]
    assert remarks <= {finding["name"] for finding in report["findings"]}
    assert done.code == int(any(cause["severity"] == "error" for cause in report["causes"]))
    assert causes or report["verdict"] == "healthy", report["blind_spots"]
