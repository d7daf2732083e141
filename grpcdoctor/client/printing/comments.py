"""Comments of the source, written again: `//` on lines of their own or after an element, `/* */` within a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpcdoctor.client.printing.writer import inline

if TYPE_CHECKING:
    from grpcdoctor.client.printing.locations import Location
    from grpcdoctor.client.printing.writer import Writer


def write_detached(out: Writer, location: Location, depth: int) -> None:
    """The comments that stand before an element and belong to none; an empty line follows each."""
    for comment in location.leading_detached_comments:
        if _write(out, comment, depth, own_line=True):
            out.line()
        elif depth < 0:
            out.write(" ")
        else:
            out.line()
            out.line()


def write_leading(out: Writer, location: Location, depth: int) -> None:
    """The comment right before an element: its documentation."""
    if location.leading_comments and not _write(out, location.leading_comments, depth, own_line=True):
        if depth < 0:
            out.write(" ")
        else:
            out.line()


def write_trailing(out: Writer, location: Location, depth: int) -> bool:
    """The comment right after an element, on its line where it has one line. Whether there is one."""
    if not location.trailing_comments:
        return False
    ended = _write(out, location.trailing_comments, depth, own_line=False)
    if not ended and depth >= 0:
        out.line()
    elif depth < 0:
        out.write(" ")
    return True


def _write(out: Writer, comment: str, depth: int, own_line: bool) -> bool:
    """Whether it ended its line."""
    block = depth < 0 and "*/" not in comment
    lines = comment.split("\n")
    if lines[0] == "":
        del lines[0]
    if lines and lines[-1] == "":
        del lines[-1]
    if not lines:
        return False
    if depth >= 0 and not out.at_line_start:
        if own_line or len(lines) > 1:
            out.line()
        else:
            if not out.owes_space:
                out.write(" ")
            depth = inline(depth)
    if block:
        _write_block(out, lines, depth)
        return False
    for number, line in enumerate(lines):
        _indent(out, depth, wraps=number > 0)
        out.line("//" + _spaced(line))
    return True


def _write_block(out: Writer, lines: list[str], depth: int) -> None:
    """Within a line; several lines get a bare first and last one."""
    if len(lines) == 1:
        line = lines[0]
        balanced = f"{line} " if line.startswith(" ") and not line.endswith(" ") else line
        out.write(f"/*{balanced}*/")
        return
    out.line("/*")
    for line in lines:
        _indent(out, depth, wraps=True)
        out.line(" *" + _spaced(line))
    _indent(out, depth, wraps=True)
    out.write(" */")


def _spaced(line: str) -> str:
    spaced = f" {line}" if line and not line.startswith(" ") else line
    return spaced.rstrip(" \t")


def _indent(out: Writer, depth: int, wraps: bool) -> None:
    out.indent(-depth if wraps and depth < 0 else depth)
