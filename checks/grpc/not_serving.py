"""not-serving: the application's own health service says that it does not serve."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.grpc._effect import CALL
from grpcdoctor.checks.grpc._replies import Kind, seen
from grpcdoctor.model.facts.grpc import HealthFacts
from grpcdoctor.model.finding import Conclusion, Evidence, Finding, Fix
from grpcdoctor.model.rule import Rule, Severity
from grpcdoctor.model.run import Run

RULE = Rule(
    code="GD407",
    name="not-serving",
    severity=Severity.ERROR,
    title="health says that the server does not serve",
    explains=("clients-disagree",),
)
NEEDS = (HealthFacts,)

_MOST_NAMES = 5


def check(run: Run) -> Iterator[Conclusion]:
    health = run.get(HealthFacts)
    if health is None:
        return
    down = tuple(name for name, status in health.statuses if name and status == "NOT_SERVING")
    overall = health.status if health.status not in (None, "SERVING") else None
    if overall is None and not down:
        return
    yield Finding(
        RULE,
        message=_message(overall, down),
        explanation=_explanation(overall),
        evidence=_evidence(health),
        fixes=(
            Fix("Read the application's log: it set this status itself, at start, at shutdown or for a dependency",
                command="kubectl logs deploy/NAME --since=10m | grep -iE 'health|serving|shutdown|ready'"),
            Fix("Is a rollout or a shutdown going on?", command="kubectl rollout status deploy/NAME"),
            Fix('Set SERVING when the server is ready, for "" and for each service (Go SetServingStatus, Java '
                "HealthStatusManager.setStatus, Python HealthServicer.set)"),
        ),
        severity=_severity(run, overall),
    )


def _message(overall: str | None, down: tuple[str, ...]) -> str:
    if overall is not None:
        return f"the server's health is {overall}"
    names = ", ".join(down[:2]) + (f" and {len(down) - 2} more" if len(down) > 2 else "")
    return f"the server is SERVING, but not {names}"


def _explanation(overall: str | None) -> str:
    if overall is None:
        return "The server as a whole says SERVING. Clients and load balancers that check these services by name " \
            "send them no calls."
    if overall == "NOT_SERVING":
        return "Everything up to the application works. Kubernetes probes, load balancers and clients with health " \
            "checking send no calls to a server that says this."
    return f"{overall} is no promise: health checkers count everything but SERVING as unhealthy."


def _evidence(health: HealthFacts) -> tuple[Evidence, ...]:
    items = [Evidence(f'Health/Check "": {health.status}', ref="health")] if health.status is not None else []
    listed = [f"{name or '(overall)'}={status}" for name, status in health.statuses if status != "SERVING"]
    if listed:
        more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
        items.append(Evidence(f"Health/List: {', '.join(listed[:_MOST_NAMES])}{more}", ref="health"))
    return tuple(items)


def _severity(run: Run, overall: str | None) -> Severity:
    """WARNING where calls still get through: another service's status, a vague status, or a --call that worked."""
    call_works = any(item.question == CALL and item.kind is Kind.OK for item in seen(run))
    return Severity.ERROR if overall == "NOT_SERVING" and not call_works else Severity.WARNING
