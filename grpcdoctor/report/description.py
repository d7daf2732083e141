"""A symbol's proto source, for people: a comment that says what it is, then the source, in colour on a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from grpcdoctor.report import clean
from grpcdoctor.report.json_colours import painted

if TYPE_CHECKING:
    from grpcdoctor.client.describing import Description
    from grpcdoctor.report.style import Style

_KEYWORDS: Final = (
    "service|rpc|returns|stream|message|enum|oneof|map|repeated|optional|required|option|extend|extensions|reserved|"
    "group|to|max|true|false|default"
)
_SCALARS: Final = "double|float|u?int(?:32|64)|sint(?:32|64)|s?fixed(?:32|64)|bool|string|bytes"
_TOKEN: Final = re.compile(
    rf'(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>"(?:[^"\\\n]|\\.)*")|(?<![\w.])(?P<keyword>{_KEYWORDS})(?![\w.])'
    rf"|(?<![\w.])(?P<scalar>{_SCALARS})(?![\w.])|(?P<type>\.[A-Za-z_][\w.]*)|(?<![\w.])(?P<number>-?\d[\w.+]*)",
    re.DOTALL,
)
_COLOURS: Final = {"comment": "2", "string": "32", "keyword": "35", "scalar": "36", "type": "36", "number": "33"}


def text_of(description: Description, style: Style) -> str:
    """Proto source that stays valid where it is piped on; with a template, JSON behind it."""
    where = f", in {description.file}" if style.verbose and description.file else ""
    head = clean.visible(f"// {description.name} is {description.kind}{where}")
    source = style.fit(clean.block(f"{head}\n{description.source}"))
    template = ""
    if description.template is not None:
        json_text = clean.json_text(description.template)
        template = "\n// A request to start from:\n" + (painted(json_text) if style.colour else json_text) + "\n"
    return f"{_painted(source) if style.colour else source}\n{template}"


def _painted(source: str) -> str:
    return _TOKEN.sub(lambda match: f"\x1b[{_COLOURS[match.lastgroup or 'type']}m{match[0]}\x1b[0m", source)
