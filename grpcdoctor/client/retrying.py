"""Which failures are worth another try, and how long to wait before it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import ConnectError, Stage
from grpcdoctor.model.codes import GrpcStatus

if TYPE_CHECKING:
    from grpcdoctor.client.status import Status

# gRPC's connection backoff (doc/connection-backoff.md) begins with a second and ends at two minutes; whoever waits at
# a terminal wants both sooner.
_FIRST_PAUSE: Final = 0.2
_FACTOR: Final = 2.0
_LONGEST_PAUSE: Final = 5.0
_JITTER: Final = 0.2

# The same answer every time: a name in a certificate does not change by asking again.
_PERMANENT: Final = frozenset({Stage.TLS, Stage.ALPN, Stage.HTTP2})


def worth_retrying(failure: Status | ConnectError) -> bool:
    """UNAVAILABLE, whose meaning is "try again" (https://grpc.io/docs/guides/status-codes/), and no connection."""
    if isinstance(failure, ConnectError):
        return failure.stage not in _PERMANENT
    return failure.code == GrpcStatus.UNAVAILABLE


def pauses(tries: int) -> Iterator[float]:
    """Seconds before each of so many further tries: doubling, up to five, a fifth more or less at random."""
    pause = _FIRST_PAUSE
    for _ in range(tries):
        yield pause * random.uniform(1 - _JITTER, 1 + _JITTER)
        pause = min(pause * _FACTOR, _LONGEST_PAUSE)
