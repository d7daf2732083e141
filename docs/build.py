"""Writes the pages that are made from the code: today the index of the rules. `make docs` runs it.

It lives in docs/ and not in the package, for only the guide needs it: users have `grpcdoctor rule --list`.
tests/test_docs.py fails when the page in the tree is not what this would write.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.rule import Layer, Rule

RULES_INDEX = Path(__file__).parent / "rules" / "README.md"

_HEAD = """\
# Rules

<!-- Made by `make docs` from the checks; changes by hand are lost. -->

Every conclusion of grpcdoctor is one of these rules. Codes and names never change once published, so scripts may
depend on them. `grpcdoctor rule NAME` prints a rule's page in the terminal, `grpcdoctor rule --list` this table.

Severity is by effect: an *error* makes calls fail; a *warning* makes some calls or streams fail, or soon will;
*info* is worth knowing and changes no verdict. A finding may be milder than its rule where less was seen.
"""

# What a layer is about, for the reader of the index; a layer without rules is not shown.
_ABOUT = {
    Layer.REACH: "Names, addresses and connections: can anything answer at all?",
    Layer.TLS: "Handshakes, certificates, and ALPN, which decides whether HTTP/2 is spoken.",
    Layer.HTTP2: "The HTTP/2 connection itself: who speaks it, its SETTINGS, GOAWAY and RST_STREAM.",
    Layer.GRPC: "The answers to calls: the server's own, and those that a proxy on the way gave in its place.",
}


def rules_index() -> str:
    """The text of docs/rules/README.md."""
    return "\n".join([_HEAD, *(_section(layer, list(found)) for layer, found in groupby(rules().values(), _layer_of))])


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
    print(f"docs/rules/{RULES_INDEX.name}: {len(rules())} rules")


if __name__ == "__main__":
    main()
