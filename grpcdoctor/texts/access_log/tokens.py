"""The words of a line as values: numbers, flags, statuses. Nothing here raises for a word that makes no sense."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from grpcdoctor.model.codes import GrpcStatus

# https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage: RESPONSE_FLAGS and _LONG.
LONG_FLAGS: Final = {
    "NoHealthyUpstream": "UH", "UpstreamConnectionFailure": "UF", "UpstreamOverflow": "UO", "NoRouteFound": "NR",
    "UpstreamRetryLimitExceeded": "URX", "NoClusterFound": "NC", "DurationTimeout": "DT",
    "DownstreamConnectionTermination": "DC", "FailedLocalHealthCheck": "LH", "UpstreamRequestTimeout": "UT",
    "LocalReset": "LR", "UpstreamRemoteReset": "UR", "UpstreamConnectionTermination": "UC", "DelayInjected": "DI",
    "FaultInjected": "FI", "RateLimited": "RL", "UnauthorizedExternalService": "UAEX",
    "RateLimitServiceError": "RLSE", "InvalidEnvoyRequestHeaders": "IH", "StreamIdleTimeout": "SI",
    "DownstreamProtocolError": "DPE", "UpstreamProtocolError": "UPE", "UpstreamMaxStreamDurationReached": "UMSDR",
    "ResponseFromCacheFilter": "RFCF", "NoFilterConfigFound": "NFCF", "OverloadManagerTerminated": "OM",
    "DnsResolutionFailed": "DF", "DropOverload": "DO", "DownstreamRemoteReset": "DR",
    "UnconditionalDropOverload": "UDO",
}  # fmt: skip
FLAGS: Final = frozenset(LONG_FLAGS.values())

# No real log has larger figures; a hostile one must not turn a sum into a thousand digits.
LARGEST: Final = 10**15
_DIGITS: Final = 15
_MANY_FLAGS: Final = 8
_LONGEST_STATUS: Final = 32
_DECIMAL: Final = re.compile(r"\d{1,15}(?:\.\d{1,15})?")
_WITH_UNIT: Final = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s?(ns|us|µs|ms|s|m|h)?")
_UNIT_MS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}


def said(word: str) -> str:
    """The word, or nothing where it is the mark for nothing."""
    return "" if word == "-" else word


def number(word: object) -> int | None:
    """A count that is not negative."""
    if type(word) is int and 0 <= word < LARGEST:
        return word
    if isinstance(word, str):
        return int(word) if word.isascii() and word.isdigit() and len(word) <= _DIGITS else None
    if isinstance(word, bool) or not isinstance(word, (int, float)):
        return None
    return int(word) if 0 <= word < LARGEST else None


def code(word: object) -> int | None:
    """An HTTP status. 0 is Envoy's word for none at all: the client left, or it was no HTTP."""
    value = number(word)
    return value if value is not None and (value == 0 or 100 <= value <= 999) else None


def milliseconds(word: object, unit: float = 1.0) -> float | None:
    """A duration; `unit` is what one is worth in milliseconds where the text names no unit itself."""
    if type(word) is int and unit == 1.0 and 0 <= word < LARGEST:
        return word
    if isinstance(word, str):
        found = _WITH_UNIT.fullmatch(word)
        if found is None:
            return None
        unit = _UNIT_MS[found[2]] if found[2] else unit
        word = float(found[1]) if "." in found[1] else int(found[1])
    if isinstance(word, bool) or not isinstance(word, (int, float)) or not 0 <= word < LARGEST:
        return None
    return word if unit == 1.0 else round(word * unit, 6)


@lru_cache(maxsize=4096)
def flags(word: str) -> tuple[str, ...]:
    """`URX,UF` or the long names, as short flags."""
    if word in {"", "-"}:
        return ()
    return tuple(LONG_FLAGS.get(each, each)[:16] for each in word.strip("\"'[] ").split(",")[:_MANY_FLAGS] if each)


def is_flags(word: str) -> bool:
    """Whether this can be nothing but Envoy's flags (or the `-` in their place)."""
    return word == "-" or all(each in FLAGS or each in LONG_FLAGS for each in word.split(","))


_STATUS_NAMES: Final = {status.name.replace("_", "").lower(): int(status) for status in GrpcStatus} | {"canceled": 1}


@lru_cache(maxsize=1024)
def _status(word: str) -> int | None:
    value = number(word)
    return value if value is not None else _STATUS_NAMES.get(word.replace("_", "").replace(" ", "").lower())


def grpc_status(word: object) -> int | None:
    """14, `14`, `UNAVAILABLE` and `Unavailable`; Envoy writes all of them, as the format asks."""
    if isinstance(word, str):
        return _status(word) if len(word) <= _LONGEST_STATUS else None
    return number(word)


def is_status_name(word: str) -> bool:
    """Whether a word in the middle of a line is a gRPC status by its name."""
    return word[:1].isupper() and word.isascii() and word.replace("_", "").lower() in _STATUS_NAMES


def decimal(word: str) -> float | None:
    """`0.003`."""
    return float(word) if _DECIMAL.fullmatch(word) else None
