"""The exit codes of `grpcdoctor health`: those of grpc_health_probe."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from grpcdoctor.client.health_check import HealthResult


class HealthExit(IntEnum):
    """https://github.com/grpc-ecosystem/grpc-health-probe#health-checking-tls-servers, main.go of 0.4"""

    HEALTHY = 0
    USAGE = 1
    """A wrong flag, target or file; nothing was asked."""
    NOT_CONNECTED = 2
    CALL_FAILED = 3
    """Connected, but the call failed, came too late, or is not implemented."""
    UNHEALTHY = 4
    """Answered, and otherwise than expected."""
    NO_SPIFFE = 20


# Of several targets that counts which came least far.
_WORST: Final = (HealthExit.NOT_CONNECTED, HealthExit.CALL_FAILED, HealthExit.UNHEALTHY, HealthExit.HEALTHY)


def exit_code_of(result: HealthResult) -> HealthExit:
    if result.failure is not None:
        return HealthExit.NOT_CONNECTED
    if result.failed_call is not None:
        return HealthExit.CALL_FAILED
    return HealthExit.UNHEALTHY if result.unexpected is not None else HealthExit.HEALTHY


def worst(codes: Iterable[HealthExit]) -> HealthExit:
    return min(codes, key=_WORST.index, default=HealthExit.HEALTHY)
