"""Whether a route takes a request: Envoy's RouteMatch, HeaderMatcher and StringMatcher, with the reason where not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from grpcdoctor.envoy.fields import Json, flag, has, mapping, mappings, number, text
from grpcdoctor.envoy.regex import full_match
from grpcdoctor.model.redact import is_secret_name

GRPC: Final = "application/grpc"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it reaches an Envoy."""

    host: str
    """Lower case, without a port."""
    path: str
    port: int | None = None
    """Of the authority, and of the listener where there is one on it."""
    tls: bool | None = None
    """None: whatever the listener wants."""
    sni: str = ""
    """Empty: the host, where TLS is spoken."""
    alpn: tuple[str, ...] = ("h2",)
    headers: tuple[tuple[str, str], ...] = ()
    """More of them; names in lower case."""

    @property
    def authority(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port is None else f"{shown}:{self.port}"

    @property
    def plain_path(self) -> str:
        """Without query and fragment, as routes are matched."""
        return self.path.partition("#")[0].partition("?")[0]

    @property
    def all_headers(self) -> Mapping[str, str]:
        """With the pseudo headers and those of every gRPC call."""
        own = {
            ":method": "POST",
            ":path": self.path,
            ":authority": self.authority,
            ":scheme": "https" if self.tls else "http",
            "content-type": GRPC,
            "te": "trailers",
        }
        return {**own, **{name.lower(): value for name, value in self.headers}}


@dataclass(frozen=True, slots=True)
class Matched:
    """The answer of one route. `why` says what spoke against it; `notes` what it also depends on."""

    taken: bool
    why: str = ""
    near: bool = False
    """Its path fits, and only something else does not: worth saying."""
    notes: tuple[str, ...] = field(default=())


def route_match(match: Json, request: Request) -> Matched:
    """Envoy's RouteEntryImplBase::matchRoute; conditions that a request alone does not decide speak against it."""
    against = _path(match, request)
    if against:
        return Matched(False, against)
    for found in _conditions(match, request):
        return Matched(False, found, near=True)
    share = percent(mapping(match, "runtime_fraction")) if has(match, "runtime_fraction") else 100.0
    if share == 0:
        return Matched(False, "its runtime_fraction is 0", near=True)
    notes = (f"it takes {share:g}% of these requests (runtime_fraction)",) if share < 100 else ()
    return Matched(True, notes=notes)


def _path(match: Json, request: Request) -> str:
    """Why the path does not fit; empty where it does."""
    path = request.plain_path
    sensitive = flag(match, "case_sensitive", default=True)
    seen = path if sensitive else path.lower()
    for name, test in _PATH_TESTS.items():
        if has(match, name):
            wanted = text(match, name)
            fits = test(seen, wanted if sensitive else wanted.lower())
            return "" if fits else f"its {name} is {wanted}"
    for keys in (("safe_regex", "regex"), ("regex",)):
        if has(match, keys[0]):
            wanted = text(match, *keys)
            found = full_match(wanted, path)
            how = "is not understood here:" if found is None else "is"
            return "" if found else f"its regex {how} {wanted}"
    if has(match, "connect_matcher"):
        return "it is for CONNECT"
    if has(match, "path_match_policy"):
        return "its path pattern is not understood here"
    return "it matches no path"


_PATH_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "prefix": lambda path, wanted: path.startswith(wanted),
    "path": lambda path, wanted: path == wanted,
    "path_separated_prefix": lambda path, wanted: path == wanted or path.startswith(wanted + "/"),
}


def _conditions(match: Json, request: Request) -> Iterable[str]:
    """What speaks against it although the path fits."""
    headers = request.all_headers
    if has(match, "grpc") and not headers["content-type"].startswith(GRPC):
        yield "it is for gRPC only"
    for matcher in mappings(match, "headers"):
        why = _header(matcher, headers)
        if why:
            yield why
    query = dict(parse_qsl(request.path.partition("?")[2], keep_blank_values=True))
    for matcher in mappings(match, "query_parameters"):
        name = text(matcher, "name")
        if name not in query or not _string(matcher.get("string_match") or matcher.get("stringMatch"), query[name]):
            yield f"it wants the query parameter {name}"
    wants_tls = mapping(match, "tls_context")
    if flag(wants_tls, "presented") or flag(wants_tls, "validated"):
        yield "it wants a client certificate"
    for name in ("dynamic_metadata", "filter_state", "cookies"):
        if any(True for _ in mappings(match, name)):
            yield f"it depends on {name.replace('_', ' ')}"


def _header(matcher: Json, headers: Mapping[str, str]) -> str:
    """Why this HeaderMatcher does not match; empty where it does."""
    name = text(matcher, "name").lower()
    value = headers.get(name)
    if value is None and flag(matcher, "treat_missing_header_as_empty"):
        value = ""
    found, wanted = _header_value(matcher, value)
    # A header that is missing has no value to compare, so not even an inverted matcher takes it.
    compares = value is not None or not wanted or has(matcher, "present_match")
    if compares and found is not flag(matcher, "invert_match"):
        return ""
    never = "not " if flag(matcher, "invert_match") else ""
    shown = "of some secret value" if wanted and is_secret_name(name) else wanted
    return f"it wants the header {name} {never}{shown or 'to be there'}"


def _header_value(matcher: Json, value: str | None) -> tuple[bool, str]:
    """(whether it matches before inversion, what it wants in words)."""
    if has(matcher, "present_match"):
        wanted = flag(matcher, "present_match")
        return (value is not None) is wanted, "" if wanted else "absent"
    if has(matcher, "range_match"):
        low, high = number(matcher, "range_match", "start") or 0, number(matcher, "range_match", "end") or 0
        number_there = value is not None and value.lstrip("-").isdigit() and len(value) < 20
        return number_there and low <= int(value or 0) < high, f"from {low} to {high}"
    pattern = mapping(matcher, "string_match") or _legacy_pattern(matcher)
    if not pattern:
        return value is not None, ""
    return value is not None and bool(_string(pattern, value)), pattern_words(pattern)


def _legacy_pattern(matcher: Json) -> Json:
    """Fields from before Envoy 1.20: `exact_match`."""
    for name in ("exact", "prefix", "suffix", "contains"):
        if has(matcher, f"{name}_match"):
            return {name: text(matcher, f"{name}_match")}
    return {"safe_regex": mapping(matcher, "safe_regex_match")} if has(matcher, "safe_regex_match") else {}


def pattern_words(pattern: Json) -> str:
    """`= canary`, `starting with v2`."""
    for name, words in _PATTERN_WORDS.items():
        if has(pattern, name):
            value = text(pattern, name, "regex") if name == "safe_regex" else text(pattern, name)
            return f"{words} {value}"
    return "of some pattern"


_PATTERN_WORDS: Final = {
    "exact": "=",
    "prefix": "starting with",
    "suffix": "ending in",
    "contains": "containing",
    "safe_regex": "like",
}


def _string(pattern: Any, value: str) -> bool | None:
    """StringMatcher; None where that cannot be told."""
    ignore_case = flag(pattern, "ignore_case")
    seen = value.lower() if ignore_case else value
    for name, test in _STRING_TESTS.items():
        if has(pattern, name):
            wanted = text(pattern, name)
            return test(seen, wanted.lower() if ignore_case else wanted)
    if has(pattern, "safe_regex"):
        return full_match(text(pattern, "safe_regex", "regex"), value)
    return None


_STRING_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "exact": lambda value, wanted: value == wanted,
    "prefix": lambda value, wanted: value.startswith(wanted),
    "suffix": lambda value, wanted: value.endswith(wanted),
    "contains": lambda value, wanted: wanted in value,
}
_DENOMINATORS: Final = {"HUNDRED": 100.0, "TEN_THOUSAND": 10_000.0, "MILLION": 1_000_000.0}


def percent(value: Any) -> float:
    """A FractionalPercent, or a RuntimeFractionalPercent, in percent. An absent numerator is 0."""
    found = mapping(value, "default_value") if has(value, "default_value") else mapping(value)
    return 100.0 * (number(found, "numerator") or 0) / _DENOMINATORS.get(text(found, "denominator"), 100.0)
