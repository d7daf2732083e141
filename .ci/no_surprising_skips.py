"""Fails when a test of a JUnit report was skipped for a reason that CI does not expect. Standard library only.

On a user's machine a test whose program is missing is skipped with that program's name. CI installs every program,
so there a skip is a test that silently stopped testing.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

# Part of a skip's reason -> why CI cannot help it.
EXPECTED = {
    "this kernel does not drop SYNs": "a matter of the kernel that the machine runs",
    "unshare may not": "a matter of the rights that the machine's sandbox gives",
}


def surprising(report: str) -> list[str]:
    """`test: reason` of every skip that no entry of EXPECTED covers."""
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        for skip in case.iter("skipped"):
            reason = skip.get("message") or ""
            if skip.get("type") != "pytest.xfail" and not any(known in reason for known in EXPECTED):
                found.append(f"{case.get('classname')}::{case.get('name')}: {reason}")
    return found


def main() -> int:
    found = surprising(sys.argv[1])
    for line in found:
        print(f"skipped, and CI expects it to run: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
