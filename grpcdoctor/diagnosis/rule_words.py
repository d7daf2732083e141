"""The words that name rules: names, codes and globs of both."""

from __future__ import annotations

from fnmatch import fnmatchcase

from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.rule import Rule


def matching(word: str) -> frozenset[str]:
    """The names of the rules with this code or name, in any case; globs are allowed."""
    pattern = word.strip().lower()
    return frozenset(name for name, rule in rules().items() if is_called(rule, pattern))


def unknown(word: str) -> str:
    """What to say about a word that is no rule: with the names that are close to it."""
    from difflib import get_close_matches

    names = {name: name for name in rules()} | {rule.code.lower(): rule.code for rule in rules().values()}
    close = [names[match] for match in get_close_matches(word.strip().lower(), names, n=3, cutoff=0.5)]
    hint = f"the closest: {', '.join(close)}" if close else "grpcdoctor rule --list shows all"
    return f"there is no rule {word!r}; {hint}"


def is_called(rule: Rule, pattern: str) -> bool:
    """Whether this is the rule's code or name; both in lower case."""
    return fnmatchcase(rule.name, pattern) or fnmatchcase(rule.code.lower(), pattern)
