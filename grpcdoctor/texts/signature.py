"""Signature: one thing that a program prints, what it means, and which rules it makes likely. The data is beside it.

docs/signatures.md tells how to write one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from grpcdoctor.texts.data import read_yaml
from grpcdoctor.texts.phrases import Phrase, PhraseError, phrase

POSITION_WEIGHTS: Final = (1.0, 0.6, 0.4, 0.28, 0.2)
"""What the first, second … cause of a signature counts where the data does not say a weight of its own."""
LAYERS: Final = ("reach", "tls", "http2", "grpc", "routing", "policy", "application", "client")
SPEAKERS: Final = ("client", "server", "sidecar", "gateway", "proxy", "platform", "any")
_KEYS: Final = frozenset(
    ("id", "says", "unless", "means", "weight", "causes", "check", "example", "examples", "layer", "speaker", "status",
     "library", "undecided", "versions")
)  # fmt: skip


class SignatureError(ValueError):
    """A mistake in the data; the message names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text reads with some versions of a program."""

    program: str
    since: str | None
    """The first version that reads so; None: all before `until`."""
    until: str | None
    """The first version that does not."""
    causes: tuple[tuple[str, float], ...]
    note: str

    @property
    def span(self) -> str:
        """`envoy from 1.37`, `envoy before 1.29`, `envoy 1.29 to before 1.31`."""
        if self.since and self.until:
            return f"{self.program} {self.since} to before {self.until}"
        return f"{self.program} from {self.since}" if self.since else f"{self.program} before {self.until}"

    def applies_to(self, version: str | None) -> bool | None:
        """Whether this is how that version reads; None where the version is not known."""
        if version is None:
            return None
        number = version_key(version)
        late_enough = self.since is None or number >= version_key(self.since)
        return late_enough and (self.until is None or number < version_key(self.until))


def version_key(version: str) -> tuple[int, ...]:
    """`1.29.3` in a form that sorts."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """One entry of the data; there is one object of each, so identity is equality."""

    id: str
    """`library/name`."""
    library: str
    speaker: str
    layer: str
    says: tuple[Phrase, ...]
    unless: tuple[Phrase, ...]
    means: str
    weight: int
    """0 to 100: how much it tells. Under 40: a wrapper or a mere clue, of little account beside anything better."""
    causes: tuple[tuple[str, float], ...]
    """(rule, 0..1), the likeliest first."""
    check: str
    examples: tuple[str, ...]
    status: str | None = None
    """The gRPC status that goes with it, where it says so in no words of its own."""
    undecided: bool = False
    """The text alone cannot decide: a probe is needed."""
    versions: tuple[Reading, ...] = ()


@lru_cache(maxsize=1)
def signatures() -> tuple[Signature, ...]:
    """All of them. Raises SignatureError for a mistake in the data."""
    found = tuple(signature for name in _files() for signature in _read(name))
    ids = [signature.id for signature in found]
    double = next((one for one in ids if ids.count(one) > 1), None) if len(set(ids)) < len(ids) else None
    if double is not None:
        raise SignatureError(f"two signatures have the id {double}")
    return found


def _files() -> list[str]:
    folder = files("grpcdoctor.texts") / "signatures"
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".yaml"))


def _read(name: str) -> Iterator[Signature]:
    document = read_yaml(f"signatures/{name}")
    try:
        common = {key: value for key, value in document.items() if key != "signatures"}
        for entry in document["signatures"]:
            yield _signature({**common, **entry}, name)
    except (AttributeError, KeyError, TypeError) as wrong:
        raise SignatureError(f"{name}: {type(wrong).__name__}: {wrong}") from wrong


def _signature(entry: dict[str, Any], file: str) -> Signature:
    where = f"{file}: {entry.get('id', entry)}"
    unknown = set(entry) - _KEYS
    if unknown:
        raise SignatureError(f"{where}: unknown keys {', '.join(sorted(unknown))}")
    if entry["layer"] not in LAYERS or entry["speaker"] not in SPEAKERS:
        raise SignatureError(f"{where}: layer is one of {LAYERS}, speaker one of {SPEAKERS}")
    try:
        says, unless = _phrases(entry["says"]), _phrases(entry.get("unless", ()))
    except PhraseError as wrong:
        raise SignatureError(f"{where}: {wrong}") from wrong
    return Signature(
        id=f"{entry['library']}/{entry['id']}",
        library=entry["library"],
        speaker=entry["speaker"],
        layer=entry["layer"],
        says=says,
        unless=unless,
        means=entry["means"],
        weight=entry["weight"],
        causes=_causes(entry.get("causes", ()), where),
        check=entry.get("check", ""),
        examples=_texts(entry.get("example", ())) + _texts(entry.get("examples", ())),
        status=entry.get("status"),
        undecided=bool(entry.get("undecided")),
        versions=tuple(_reading(item, where) for item in entry.get("versions", ())),
    )


def _reading(item: dict[str, Any], where: str) -> Reading:
    return Reading(
        item["program"], item.get("since"), item.get("until"), _causes(item.get("causes", ()), where), item["note"]
    )


def _causes(given: Iterable[Any], where: str) -> tuple[tuple[str, float], ...]:
    """`rule`, or `{rule: weight}`."""
    found: list[tuple[str, float]] = []
    for position, item in enumerate(given):
        if isinstance(item, dict):
            found += [(rule, float(weight)) for rule, weight in item.items()]
        elif isinstance(item, str):
            found.append((item, POSITION_WEIGHTS[min(position, len(POSITION_WEIGHTS) - 1)]))
        else:
            raise SignatureError(f"{where}: a cause is a rule's name, or a rule's name and a weight")
    return tuple(found)


def _phrases(given: Any) -> tuple[Phrase, ...]:
    return tuple(phrase(text) for text in _texts(given))


def _texts(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
