"""Who terminates HTTP/2 here? Told from the first SETTINGS frame; versions and tuning vary, so a score, never proof.

Measured, in clear and over TLS alike, on grpcio 1.85, Envoy 1.40, nginx 1.22, haproxy 2.6, grpc-go 1.85 (5; then 3
where it has a stream limit), Go 1.26's net/http, grpc-java 1.68 and 1.85 (Netty; 3 holds a stream limit that is set),
and in clear on tonic 0.14 (hyper). What @grpc/grpc-js sends is not telling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grpcdoctor.model.codes import Setting


@dataclass(frozen=True, slots=True)
class Print:
    """The identifiers in order, and the values that are telling."""

    name: str
    identifiers: tuple[int, ...]
    values: tuple[tuple[int, int], ...] = ()
    window_increment: int | None = None


_H: Final = Setting
PRINTS: Final = (
    Print("grpc-c-core", (4, 5, 6, _H.GRPC_TRUE_BINARY_METADATA), ((6, 16384), (_H.GRPC_TRUE_BINARY_METADATA, 1))),
    Print("envoy", (1, 8, 3, 4), ((8, 0), (1, 4096))),
    Print("nginx", (3, 4, 5), ((3, 128), (4, 65536), (5, 16777215)), 2147418112),
    Print("haproxy", (8, 3), ((8, 1), (3, 100))),
    Print("grpc-go", (5,), ((5, 16384),)),
    Print("grpc-go", (5, 3), ((5, 16384),)),
    Print("grpc-java", (3, 4, 6), ((3, 2147483647), (4, 1048576), (6, 8192))),
    Print("hyper", (4, 5, 6), ((4, 1048576), (5, 16384), (6, 16384))),
    Print("go-http2", (5, 3, 6, 1, 4), ((3, 250), (5, 1048576), (6, 1048896))),  # also grpc-go served by net/http
    Print("go-http2", (5, 3, 6, 4), ((3, 250), (5, 1048576))),
)
# C-core's private setting is sent by nobody else.
_PROOF: Final[dict[int, str]] = {_H.GRPC_TRUE_BINARY_METADATA: "grpc-c-core"}
_LIKELY: Final = 0.5


def terminator_of(settings: tuple[tuple[int, int], ...], window_increment: int | None) -> tuple[str | None, float]:
    """(name, score 0..1) of the best match, (None, 0.0) where nothing comes near."""
    for identifier, _ in settings:
        if identifier in _PROOF:
            return _PROOF[identifier], 0.95
    scored = [(_score(candidate, settings, window_increment), candidate.name) for candidate in PRINTS]
    score, name = max(scored)
    return (name, score) if score >= _LIKELY else (None, 0.0)


def _score(candidate: Print, settings: tuple[tuple[int, int], ...], window_increment: int | None) -> float:
    identifiers = tuple(key for key, _ in settings)
    if set(identifiers) != set(candidate.identifiers):
        return 0.0
    score = 0.4 if identifiers == candidate.identifiers else 0.2
    present = dict(settings)
    agreeing = sum(present.get(key) == value for key, value in candidate.values)
    score += 0.4 * agreeing / len(candidate.values)
    if candidate.window_increment is not None:
        return score + (0.15 if window_increment == candidate.window_increment else 0.0)
    return score
