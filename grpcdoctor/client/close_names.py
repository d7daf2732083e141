"""Names that a wrong one may have meant."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SUGGESTIONS: Final = 3
_LOOKED_AT: Final = 20
# How alike two last parts must be (difflib's measure): a package that both have makes any two names alike.
_ALIKE: Final = 0.6
# difflib needs a second for some ten thousand; a real schema has hundreds.
_COMPARED: Final = 1000


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """Of the known names those that are close to `name`, best first: the same last part in another package, then what
    is spelt like the whole, then what is spelt like the last part. Case is a common slip, and difflib would count it as
    heavily as any other."""
    from difflib import SequenceMatcher, get_close_matches

    names = sorted(known)
    by_last: dict[str, list[str]] = {}
    for each in names:
        by_last.setdefault(_last(each), []).append(each)
    by_lower = {each.lower(): each for each in names}
    namesakes = by_last.get(_last(name), [])
    alike = get_close_matches(name.lower(), _likely(name.lower(), list(by_lower)), n=_LOOKED_AT)
    alike = [each for each in alike if SequenceMatcher(None, _last(name), _last(each)).ratio() >= _ALIKE]
    alike_last = get_close_matches(_last(name), _likely(_last(name), list(by_last)), n=_SUGGESTIONS)
    found = [*namesakes, *(by_lower[each] for each in alike), *(one for each in alike_last for one in by_last[each])]
    return list(dict.fromkeys(found))[:_SUGGESTIONS]


def either(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _last(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _likely(name: str, known: list[str]) -> list[str]:
    """Those that share the most sequences of three letters with it."""
    if len(known) <= _COMPARED:
        return known
    parts = {name[start : start + 3] for start in range(len(name) - 2)}
    return nlargest(_COMPARED, known, key=lambda each: sum(part in each for part in parts))
