"""Misfit: a value that does not fit its field, on its way out to where its path and its place are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grpcdoctor.client.close_names import either
from grpcdoctor.client.formats.json_strings import displayed
from grpcdoctor.client.formats.json_syntax import Number

_SHOWN = 60


class MisfitError(Exception):
    """`steps` are gathered from the innermost to the outermost: (which member or element, what it is called)."""

    def __init__(self, why: str, at_key: bool = False, suggestions: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.at_key = at_key
        self.suggestions = tuple(suggestions)
        self.steps: list[tuple[int, str | int]] = []

    def within(self, position: int, name: str | int) -> MisfitError:
        """The same, seen from one level further out."""
        self.steps.append((position, name))
        return self


def wrong_kind(wanted: str, value: Any) -> MisfitError:
    return MisfitError(f"{wanted} is wanted, found {shown(value)}")


def shown(value: Any) -> str:
    """A value from JSON in a few words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, tuple):
        return "an object"
    text = str(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    return f"the number {text}" if isinstance(value, Number) else f"the string {displayed(text)}"


def unknown_name(what: str, name: str, known: Sequence[str], at_key: bool = False) -> MisfitError:
    """`what` names the thing that has no such name: `lab.Small has no field`."""
    name = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    close = suggest(name, known)
    advice = f"; did you mean {either(close)}?" if close else ""
    return MisfitError(f"{what} {displayed(name)}{advice}", at_key, close)


def suggest(name: str, known: Sequence[str]) -> list[str]:
    """Names close to this one, best first."""
    from difflib import get_close_matches

    folded = {one.casefold().replace("_", "").replace("-", ""): one for one in reversed(known)}
    close = get_close_matches(name.casefold().replace("_", "").replace("-", ""), list(folded), 3)
    return [folded[one] for one in close]
