"""`.grpcdoctor.yaml`: found, read strictly, every mistake in it named with its line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NoReturn

from grpcdoctor.cluster.breakages import of_yaml
from grpcdoctor.cluster.fields import FieldPath
from grpcdoctor.cluster.manifest_files import UnreadableFileError, read_source
from grpcdoctor.cluster.positions import Source, YamlDocument
from grpcdoctor.cluster.yaml_values import DocumentError, YamlReader
from grpcdoctor.diagnosis.rule_words import matching, unknown
from grpcdoctor.model.finding import Finding, Subject
from grpcdoctor.model.rule import Severity

NAMES: Final = (".grpcdoctor.yaml", ".grpcdoctor.yml")

_SECTIONS: Final = ("ignore", "severity")
_FIELDS: Final = ("rule", "kind", "namespace", "name", "reason")
# `off` without quotes is a boolean in YAML.
_SEVERITIES: Final[dict[Any, Severity | None]] = {**{each.value: each for each in Severity}, "off": None, False: None}


class SuppressionError(Exception):
    """A mistake in `.grpcdoctor.yaml`, `--ignore` or `--only`, in one line with file and line."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """One entry of the file: these rules, for the objects that all three patterns fit."""

    rules: frozenset[str]
    kind: str = "*"
    namespace: str = "*"
    name: str = "*"
    reason: str = ""

    def fits(self, finding: Finding) -> bool:
        if finding.rule.name not in self.rules:
            return False
        about = finding.subject or Subject()
        return (
            fnmatchcase((about.kind or "").lower(), self.kind.lower())
            and fnmatchcase(about.namespace or "", self.namespace)
            and fnmatchcase(about.name or "", self.name)
        )


def find_file(directory: str) -> str | None:
    """The file in this folder or the nearest one above, up to the root of a git repository."""
    here = Path(directory).absolute()
    for folder in (here, *here.parents):
        for name in NAMES:
            if (folder / name).is_file():
                return os.path.relpath(folder / name)
        if (folder / ".git").exists():
            return None
    return None


def read_file(file: str) -> tuple[tuple[Ignore, ...], dict[str, Severity | None]]:
    """(what to ignore, rule -> severity, None for off). Raises SuppressionError."""
    try:
        source = read_source(file)
    except UnreadableFileError as failed:
        raise SuppressionError(str(failed)) from failed
    try:
        raw, doubles = YamlReader().read(source.text)
    except DocumentError as problem:
        found = of_yaml(source.text, problem)
        raise SuppressionError(f"{file}:{source.line_at(found.offset)}: {found.why}") from problem
    for key, offset in doubles:
        raise SuppressionError(f'{file}:{source.line_at(offset)}: the key "{key}" stands twice')
    return _File(source).read(raw)


class _File:
    """Reads the values, and knows their lines."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._document = YamlDocument(source, 0, len(source.text))

    def read(self, raw: Any) -> tuple[tuple[Ignore, ...], dict[str, Severity | None]]:
        if raw is None:
            return (), {}
        self._known((), raw, _SECTIONS)
        ignore, severity = raw.get("ignore"), raw.get("severity")
        if not isinstance(ignore, (list, type(None))):
            self._wrong(("ignore",), "ignore is a list of entries, each with a rule")
        if not isinstance(severity, (dict, type(None))):
            self._wrong(("severity",), "severity is a mapping of rules to error, warning, info or off")
        entries = tuple(self._ignore(("ignore", index), entry) for index, entry in enumerate(ignore or ()))
        return entries, self._severities(severity or {})

    def _ignore(self, path: FieldPath, raw: Any) -> Ignore:
        self._known(path, raw, _FIELDS)
        for key, value in raw.items():
            if not isinstance(value, str):
                self._wrong((*path, key), f"{key} is a text, such as a name or a glob; put it in quotes")
        if "rule" not in raw:
            self._wrong(path, "an entry names a rule (rule: '*' stands for all)")
        fields = {key: value for key, value in raw.items() if key != "rule"}
        return Ignore(self._rules((*path, "rule"), raw["rule"]), **fields)

    def _severities(self, raw: dict[str, Any]) -> dict[str, Severity | None]:
        found: dict[str, Severity | None] = {}
        for word, value in raw.items():
            path = ("severity", word)
            if not isinstance(value, (str, bool)) or value not in _SEVERITIES:
                self._wrong(path, f"{word} is error, warning, info or off, and not {value!r}")
            found.update(dict.fromkeys(self._rules(path, word), _SEVERITIES[value]))
        return found

    def _rules(self, path: FieldPath, word: str) -> frozenset[str]:
        names = matching(word)
        return names or self._wrong(path, unknown(word))

    def _known(self, path: FieldPath, raw: Any, keys: Iterable[str]) -> None:
        allowed = ", ".join(keys)
        if not isinstance(raw, dict):
            self._wrong(path, f"a mapping has to be here, with {allowed}")
        for key in raw:
            if key not in keys:
                close = get_close_matches(key, list(keys), n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {allowed}"
                self._wrong((*path, key), f'"{key}" is not known here; {hint}')

    def _wrong(self, path: FieldPath, what: str) -> NoReturn:
        line = self._source.line_at(self._document.offset_of(path))
        raise SuppressionError(f"{self._source.name}:{line}: {what}")
