"""What the two rules about credentials share: how bad a refusal is, and what would decide."""

from __future__ import annotations

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
    """`every call`, `health`, or the user's own method."""
    if effect.hits_the_call:
        return effect.first.path or "the call"
    if effect.a_method_runs:
        return " and ".join(dict.fromkeys(item.question.split("-")[0] for item in effect.hit))
    return "every call"
