"""What the two rules about credentials share: how bad a refusal is, and what would decide."""

from __future__ import annotations

from typing import Final

from grpcdoctor.checks._commands import probe_command
from grpcdoctor.checks.grpc._effect import Effect
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.run import Run

TOKEN = ("-H", "authorization: Bearer TOKEN")


def severity_of(run: Run, effect: Effect) -> Severity:
    """A server that wants credentials is not broken; one that refuses those it was given may be.

    Where other methods run and only health or reflection is closed to strangers, that is good practice.
    """
    if not effect.hits_the_call and effect.a_method_runs:
        return Severity.INFO
    return Severity.ERROR if run.options.has_credentials else Severity.WARNING


def blind_spot(run: Run, why: str) -> BlindSpot:
    call = ("--call", run.options.call) if run.options.call else ()
    return BlindSpot(
        what="whether calls work for a caller who may make them", why=why, decide=probe_command(run, *call, *TOKEN)
    )


def who_is_refused(effect: Effect) -> str:
    """`every call is refused`, `health is refused`, or that of the user's own method."""
    if effect.hits_the_call:
        return f"{effect.first.path or 'the call'} is refused"
    if not effect.a_method_runs:
        return "every call is refused"
    services = list(dict.fromkeys(_SERVICE_OF[item.question.split("-")[0]] for item in effect.hit))
    listed = ", ".join(services[:-1]) + " and " + services[-1] if len(services) > 1 else services[0]
    return f"{listed} {'are' if len(services) > 1 else 'is'} refused"


_SERVICE_OF: Final = {"health": "health", "reflection": "reflection", "unknown": "an unknown method"}
