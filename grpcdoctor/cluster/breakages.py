"""Breakages: why a document is no manifest, in plain words, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.yaml_values import DocumentError

HELM_TEMPLATE: Final = "it is a Helm template, which is YAML only when it is rendered; render it first"
HELM_CHART: Final = "its templates are YAML only when they are rendered; render it first"
RENDER_HELM: Final = "helm template CHART | grpcdoctor inspect -f -"


@dataclass(frozen=True, slots=True)
class Breakage:
    """What is wrong, as a clause that follows "because", and where in the text."""

    offset: int
    why: str
    decide: str | None = None
    """The command that would show the document after all."""
    is_manifest: bool = True
    """Something in it says that it is meant to be a Kubernetes object."""

    @property
    def is_helm_template(self) -> bool:
        return self.decide == RENDER_HELM


_MANIFEST: Final = re.compile(r"\b(?:apiVersion|kind)[\"']?[ \t]*:")
# `{{` where YAML would take it for a mapping: at the start of a line or of a value, not inside a string.
_TEMPLATE: Final = re.compile(
    r"""^[ \t]*(?:-[ ]+)?(?:(?:"[^"\n]*"|'[^'\n]*'|[^\s"'#{][^"'#{\n]*):[ ]+)?\{\{""", re.MULTILINE
)
_LOST: Final = (
    "its indentation is lost, as in a text copied from a web page: {field} is empty, and what belongs into it "
    "stands at the left margin; indent it again"
)

# What a broken text as a whole tells; the first that is found.
_TEXTS: Final = (
    (re.compile(r"\A(?:---)?\s*<[!?a-zA-Z]"), "it is HTML or XML, as the page of an error is, and no manifest"),
    (re.compile(r"^<{7}[ \n]", re.MULTILINE), "git's marks of a merge conflict stand in it; resolve the conflict"),
    (re.compile(r"^[ \t]*\{%", re.MULTILINE), "it is a template with {% … %}, which is YAML only when it is rendered"),
    (re.compile(r"^(?:`{3}|~{3})", re.MULTILINE), "a Markdown fence (```) stands in it; remove that line"),
)
_LOST_FIELD: Final = re.compile(r"^(metadata|spec):[ \t]*(?:#.*)?\n(?=[a-zA-Z])", re.MULTILINE)
# What such a field would have held: without one of these at the margin the field is merely empty.
_STRAYS: Final = {
    "metadata": ("name", "namespace", "labels", "annotations"),
    "spec": ("selector", "ports", "type", "servers", "hosts", "host", "gateways", "http", "rules", "template",
             "replicas", "containers", "listeners", "parentRefs", "hostnames", "trafficPolicy", "subsets", "mtls"),
}  # fmt: skip
_STRAY_LINE: Final = re.compile(rf"^(?:{'|'.join([*_STRAYS['metadata'], *_STRAYS['spec']])}):", re.MULTILINE)

_TAB: Final = re.compile(r"^[ ]*\t", re.MULTILINE)
_QUOTE: Final = "a value that begins with {sign} needs quotes"
_ODD_INDENT: Final = "this line's indentation fits none of the lines above it"
_COLON: Final = (
    "a colon stands where none can: either the value holds ': ' and needs quotes, or the line is indented too deep, "
    "or the line above lacks its colon"
)
_OPEN: Final = "a bracket is opened and not closed"
_UNCLOSED: Final = "a quotation mark opens here and is never closed"

# The parser's words (libyaml's and PyYAML's own), and what they mean; True: the place is where the thing begins.
_PROBLEMS: Final = (
    ("mapping values are not allowed", _COLON, False),
    ("sequence entries are not allowed", "a list begins on the line below its key, not beside it", False),
    ("alphabetic or numeric character", _QUOTE.format(sign="* or &"), True),
    ("expected key", _ODD_INDENT, False),
    ("expected '-' indicator", _ODD_INDENT, False),
    ("expected <block end>", _ODD_INDENT, False),
    ("could not find expected ':'", "this line has no ': ' after its key", True),
    ("unexpected end of stream", _UNCLOSED, True),
    ("unexpected document", _UNCLOSED, True),
    ("',' or '}'", "a { is opened here and not closed, or a comma is missing", True),
    ("',' or ']'", "a [ is opened here and not closed, or a comma is missing", True),
    ("unexpected ':'", "between brackets a value that ends with a colon needs quotes", False),
    ("node content", "a value is missing here, or a bracket is the wrong one", False),
    ("<document start>", "this cannot follow what stands above it", False),
    ("unknown escape", "in double quotes a backslash has to be doubled; or use single quotes", False),
    ("undefined tag", "a tag (!name!) that nothing defines; leave it out", False),
)
# What YAML allows nowhere; half of a surrogate pair is how a byte that is no UTF-8 comes here.
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def of_yaml(text: str, problem: DocumentError) -> Breakage:
    """Why this text is no YAML. Offsets are those of the text."""
    found = _of_text(text) or (_of_character(text) if problem.is_character else None) or _of_parser(text, problem)
    return replace(found, is_manifest=_MANIFEST.search(text) is not None)


def of_json(text: str, problem: DocumentError) -> Breakage:
    """The same for JSON."""
    found = _of_text(text) or Breakage(problem.offset, problem.why)
    return replace(found, is_manifest=_MANIFEST.search(text) is not None)


def _of_text(text: str) -> Breakage | None:
    template = _TEMPLATE.search(text)
    if template is not None:
        return Breakage(template.end() - 2, HELM_TEMPLATE, RENDER_HELM)
    for pattern, why in _TEXTS:
        found = pattern.search(text)
        if found is not None:
            return Breakage(found.end() - 1, why)
    lost = _LOST_FIELD.search(text)
    if lost is not None and _STRAY_LINE.search(text):
        return Breakage(lost.start(), _LOST.format(field=lost[1]))
    return None


def _of_parser(text: str, problem: DocumentError) -> Breakage:
    offset = min(problem.offset, _end_of_content(text))
    if offset < problem.offset and "node content" in problem.why:
        return Breakage(offset, _OPEN)
    line = text.rfind("\n", 0, offset) + 1
    if _TAB.match(text, line):
        return Breakage(line, "a tab indents this line, and YAML allows only spaces")
    if "cannot start any token" in problem.why:
        return Breakage(offset, _QUOTE.format(sign=text[offset : offset + 1]))
    for words, why, at_begin in _PROBLEMS:
        if words in problem.why:
            return Breakage(problem.begin if at_begin else offset, why)
    return Breakage(offset, problem.why)


def _end_of_content(text: str) -> int:
    """The last character that is neither white space nor in a comment line: what is missing is missing there."""
    end = len(text)
    while end:
        start = text.rfind("\n", 0, end) + 1
        line = text[start:end].strip()
        if line and not line.startswith("#"):
            return start + len(text[start:end].rstrip()) - 1
        end = max(start - 1, 0)
    return 0


def _of_character(text: str) -> Breakage | None:
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return Breakage(found.start(), f"it holds a byte that is no UTF-8 (0x{code - 0xDC00:02X}); save it as UTF-8")
    return Breakage(found.start(), f"it holds the character U+{code:04X}, which YAML does not allow; remove it")


def of_object(raw: dict[str, Any]) -> str | None:
    """Why a mapping is no Kubernetes object although it is meant as one; None where nothing says so."""
    has_kind, has_version = bool(text_at(raw, "kind")), bool(text_at(raw, "apiVersion"))
    if has_kind is has_version or not isinstance(raw.get("metadata"), dict) or not isinstance(raw.get("spec"), dict):
        return None
    return f"it has no {'apiVersion' if has_kind else 'kind'}, and every Kubernetes object has one"


def of_named(raw: dict[str, Any]) -> Breakage | None:
    """Why an object with `apiVersion` and `kind` cannot be what was meant. The offset is 0."""
    lost = next((field for field in _STRAYS if _is_lost(raw, field)), None)
    if lost is not None:
        return Breakage(0, _LOST.format(field=lost))
    names = (text_at(raw, "metadata", "name"), text_at(raw, "metadata", "namespace"))
    if any("{{" in name for name in names):  # in quotes a template may well be valid YAML
        return Breakage(0, HELM_TEMPLATE, RENDER_HELM)
    return None


def _is_lost(raw: dict[str, Any], field: str) -> bool:
    return field in raw and raw[field] is None and any(name in raw for name in _STRAYS[field])
