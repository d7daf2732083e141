"""Which mark and which colour a verdict, a rung and a severity have."""

from __future__ import annotations

from typing import Final

from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.rule import Severity
from grpcdoctor.report.ladder import Mark
from grpcdoctor.report.style import Style

ROLE_OF_VERDICT: Final = {
    Verdict.HEALTHY: "good",
    Verdict.DEGRADED: "warn",
    Verdict.BROKEN: "bad",
    Verdict.INCONCLUSIVE: "warn",
}
ROLE_OF_MARK: Final = {Mark.OK: "good", Mark.FAIL: "bad", Mark.WARN: "warn", Mark.SKIPPED: "dim"}
ROLE_OF_SEVERITY: Final = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: ""}


def mark_of(verdict: Verdict, style: Style) -> str:
    glyphs = style.glyphs
    return {
        Verdict.HEALTHY: glyphs.ok,
        Verdict.DEGRADED: glyphs.warn,
        Verdict.BROKEN: glyphs.fail,
        Verdict.INCONCLUSIVE: glyphs.unknown,
    }[verdict]


def glyph_of(mark: Mark, style: Style) -> str:
    glyphs = style.glyphs
    return {Mark.OK: glyphs.ok, Mark.FAIL: glyphs.fail, Mark.WARN: glyphs.warn, Mark.SKIPPED: glyphs.skipped}[mark]
