"""Near misses: two names of which one is likely meant to be the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from itertools import islice
from typing import Final

_ALIKE: Final = 0.8
_SHORTEST: Final = 4
_MOST: Final = 500


def is_slip(written: str, meant: str) -> bool:
    """`greter` for `greeter`, `my_greeter` for `my-greeter`; not `greeter-v1` for `greeter-v2` or `greeter-db`."""
    if written == meant or not written or not meant:
        return False
    if _plain(written) == _plain(meant):
        return True
    ours, theirs = written.lower().split("-"), meant.lower().split("-")
    differing = [(one, other) for one, other in zip(ours, theirs, strict=False) if one != other]
    if len(ours) != len(theirs) or len(differing) != 1:
        return False
    one, other = differing[0]
    if _is_swap(one, other):
        return True
    if _is_longer(one, other) or min(len(one), len(other)) < _SHORTEST or _letters(one) == _letters(other):
        return False
    return one[0] == other[0] and SequenceMatcher(None, one, other).ratio() >= _ALIKE


def _is_longer(one: str, other: str) -> bool:
    """`greetertcp` and `greeter`: a name of its own."""
    short, long = sorted((one, other), key=len)
    return len(long) - len(short) > 1 and (long.startswith(short) or long.endswith(short))


def _is_swap(one: str, other: str) -> bool:
    """`tsl` for `tls`: two neighbours of one letter each, in a word of three or more."""
    places = [place for place, (ours, theirs) in enumerate(zip(one, other, strict=False)) if ours != theirs]
    if len(one) != len(other) or len(one) <= len(places) or len(places) != 2:
        return False
    first, second = places
    return second == first + 1 and one[first] == other[second] and one[second] == other[first] and one.isalpha()


def slip_among(written: str, names: Iterable[str]) -> str | None:
    """The name that was likely meant; None where none is close. The name itself is known not to be among them."""
    return next((name for name in islice(names, _MOST) if is_slip(written, name)), None)


def slip_of_labels(selector: Mapping[str, str], labels: Mapping[str, str]) -> tuple[str, str] | None:
    """(key, its likely right value, or the key that has the value) where one pair of the selector alone is missed."""
    missed = [(key, value) for key, value in selector.items() if labels.get(key) != value]
    if len(missed) != 1:
        return None
    key, value = missed[0]
    if key in labels:
        return (key, labels[key]) if is_slip(value, labels[key]) else None
    return next(((key, other) for other, its in labels.items() if its == value and _same_role(key, other)), None)


def _same_role(one: str, other: str) -> bool:
    """Keys for the application's name: `app`, `app.kubernetes.io/name`, `k8s-app`, `name`."""
    names = ("app", "app.kubernetes.io/name", "k8s-app", "name", "App", "application", "service")
    return (one in names and other in names) or is_slip(one, other)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(".", "")


def _letters(name: str) -> str:
    return "".join(letter for letter in name if not letter.isdigit())
