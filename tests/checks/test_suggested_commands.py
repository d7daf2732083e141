"""What a finding tells its reader to run with grpcdoctor is a command line that grpcdoctor understands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from grpcdoctor.diagnosis.registry import Check, checks
from grpcdoctor.model.finding import BlindSpot, Conclusion
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.run import Run
from tests.checks.pages import examples_of
from tests.pasted import refusal


def suggestions(conclusion: Conclusion) -> Iterator[str]:
    if isinstance(conclusion, BlindSpot):
        commands = [conclusion.decide]
    else:
        commands = [fix.command for fix in conclusion.fixes]
        commands += [alternative.decide for alternative in conclusion.alternatives]
    return (command for command in commands if command is not None)


def variations(run: Run) -> Iterator[Run]:
    """The example as it is, asked the other way (TLS or plaintext), and with a user's own options."""
    given = ProbeOptions(headers=(("x-tenant", "a b"),), call="shop.Cart/Get", timeout=5.0)
    yield run
    yield replace(run, target=replace(run.target, tls=not run.target.tls))
    yield replace(run, options=given)
    yield replace(run, options=replace(given, cacert="my ca.pem", cert="me.pem", key="me.key"))


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.rule.name)
def test_a_suggested_command_is_understood(check: Check) -> None:
    told = {
        command
        for example in examples_of(check.rule.name)
        for run in variations(example.run)
        for conclusion in check.function(run)
        for command in suggestions(conclusion)
    }
    assert {command: why for command in told if (why := refusal(command)) is not None} == {}
