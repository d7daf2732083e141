"""Writes what the guide has from the code: the index of the rules, and the reports shown in the pages.

`make docs` runs it. It lives in docs/ and not in the package, for only the guide needs it: users have
`grpcdoctor rule --list` and `grpcdoctor demo`. tests/test_docs.py fails when the tree is not what this would write.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.rule import Layer, Rule

ROOT = Path(__file__).parents[1]
RULES_INDEX = ROOT / "docs" / "rules" / "README.md"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_HEAD = """\
# Rules

<!-- Made by `make docs` from the checks; changes by hand are lost. -->

Every conclusion of grpcdoctor is one of these rules. Codes and names never change once published, so scripts may
depend on them. `grpcdoctor rule NAME` prints a rule's page in the terminal, `grpcdoctor rule --list` this table.

Severity is by effect: an *error* makes calls fail; a *warning* makes some calls or streams fail, or soon will;
*info* is worth knowing and changes no verdict. A finding may be milder than its rule where less was seen.
"""

# What a layer is about, for the reader of the index.
_ABOUT = {
    Layer.REACH: "Names, addresses and connections: can anything answer at all?",
    Layer.TLS: "Handshakes, certificates, and ALPN, which decides whether HTTP/2 is spoken.",
    Layer.HTTP2: "The HTTP/2 connection itself: who speaks it, its SETTINGS, GOAWAY and RST_STREAM.",
    Layer.GRPC: "The answers to calls: the server's own, and those that a proxy on the way gave in its place.",
    Layer.SERVICES: "Services and what they select: which protocol a port is taken for, and whether anything answers.",
    Layer.GATEWAYS: "Gateways, listeners and certificates; routes, from a host and a path to a Service that is there.",
    Layer.POLICIES: "Timeouts, retries, faults, pools, TLS between hops, authorization, CORS and gRPC-Web.",
    Layer.PROXYLESS: "gRPC without a proxy: xDS clients and servers, and what Istio's configuration means to them.",
    Layer.DATA_PLANE: "What an Envoy says of itself: the configuration in force, its counters, its certificates.",
}

# A report in a page: the comment names the scenario of `grpcdoctor demo` whose report follows, or the words of the
# `grpcdoctor inspect` or `grpcdoctor envoy` that prints it.
_SHOWN = re.compile(
    r"(?P<head><!-- (?P<command>demo|inspect|envoy|explain): (?P<scenario>[^\n]+?) -->\n+```text\n)"
    r"(?P<report>.*?)(?=^```$)",
    re.MULTILINE | re.DOTALL,
)
# In the output of a demo: from the line with the verdict to what to try next.
_REPORT = re.compile(r"^[✓✗!?] .*?(?=\n+  Next )", re.MULTILINE | re.DOTALL)
# What differs from run to run, or from one grpcio to the next.
_VARYING = re.compile(r'127\.0\.0\.1:\d+|\b[\d.]+ m?s\b|\b\d+ d\b|grpcio [\d.]+|says "[^"]*"')


def rules_index() -> str:
    """The text of docs/rules/README.md."""
    return "\n".join([_HEAD, *(_section(layer, list(found)) for layer, found in groupby(rules().values(), _layer_of))])


def shown_reports(page: Path) -> Iterator[tuple[str, str]]:
    """(the words of the command, such as `demo SCENARIO`, and the report) of every report that a page shows."""
    for found in _SHOWN.finditer(page.read_text(encoding="utf-8")):
        yield f"{found['command']} {found['scenario']}", found["report"]


def report_of(line: str) -> str:
    """What `grpcdoctor LINE` says, 80 columns wide; of a demo only the report."""
    command = [sys.executable, "-m", "grpcdoctor", *line.split()]
    plain = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8", "KUBECONFIG": os.devnull}
    done = subprocess.run(command, env=plain, capture_output=True, cwd=ROOT, check=False)
    printed = done.stdout.decode()
    if line.startswith(("inspect ", "envoy ", "explain ")):
        assert printed, done.stderr.decode()
        return printed
    found = _REPORT.search(printed)
    assert found is not None, printed
    return found[0] + "\n"


def alike(one: str, other: str) -> bool:
    """Whether two reports say the same, ports, times and line breaks aside."""
    first, second = (" ".join(report.split()) for report in (one, other))  # "12" and "ms" may stand on two lines
    return _VARYING.sub("…", first) == _VARYING.sub("…", second)


def refresh(page: Path) -> bool:
    """Write the reports of a page anew where they say something else by now; whether any did."""

    def current(found: re.Match[str]) -> str:
        report = report_of(f"{found['command']} {found['scenario']}")
        return found[0] if alike(found["report"], report) else found["head"] + report

    before = page.read_text(encoding="utf-8")
    after = _SHOWN.sub(current, before)
    page.write_text(after, encoding="utf-8")
    return after != before


def _layer_of(rule: Rule) -> Layer:
    return rule.layer


def _section(layer: Layer, found: list[Rule]) -> str:
    title = layer.title if layer is Layer.GRPC else layer.title[0].upper() + layer.title[1:]
    lines = [f"## {title} (GD{layer.value}xx)", ""]
    if layer in _ABOUT:
        lines += [_ABOUT[layer], ""]
    lines += ["| code | name | severity | what is wrong |", "|---|---|---|---|"]
    lines += [
        f"| {rule.code} | [{rule.name}]({rule.name}.md) | {rule.severity.value} | {rule.title} |" for rule in found
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    RULES_INDEX.write_text(rules_index(), encoding="utf-8")
    print(f"docs/rules/README.md: {len(rules())} rules")
    for page in PAGES:
        if refresh(page):
            print(f"{page.relative_to(ROOT)}: reports")


if __name__ == "__main__":
    main()
