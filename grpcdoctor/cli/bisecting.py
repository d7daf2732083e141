"""`probe --bisect`: which hops the command line means, and the run."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import click

from grpcdoctor.cli.status import Status
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import Target, TargetError, parse_target

if TYPE_CHECKING:
    from grpcdoctor.cli.at_hand import AtHand
    from grpcdoctor.cli.probing import Presentation

OPTION = click.option(
    "--bisect", is_flag=False, flag_value="", default=None, metavar="[=ADDR,…]",
    help="Probe each hop behind TARGET and name the first that breaks: these, or those of the cluster.",
)  # fmt: skip


def check(given: dict[str, Any], targets: int) -> None:
    """Raises click.UsageError for what does not go together with --bisect."""
    if given["targets"] is not None or targets > 1:
        raise click.UsageError("--bisect is about one target; name just one")
    if targets == 0 and given["bisect"]:
        raise click.UsageError("name a TARGET; write --bisect behind it, or the hops as --bisect=ADDR,ADDR")
    for option, name in (("save", "--save"), ("replay_file", "--replay")):
        if given[option] is not None:
            raise click.UsageError(f"{name} is for one run, and --bisect makes several; leave out one of them")
    if given["count"] > 1:
        raise click.UsageError("--bisect asks each hop once; leave out --bisect or --count")


def bisect(target: Target, options: ProbeOptions, word: str, at_hand: AtHand, shown: Presentation) -> int:
    """Probe all hops and print the report. `word`: the hops, or empty for those of the cluster."""
    from grpcdoctor.cli.output import exit_code
    from grpcdoctor.cli.probing import run_probe
    from grpcdoctor.cli.terminal import write

    run = _given(target, options, word, at_hand, shown) if word else _of_cluster(target, options, at_hand, shown)
    report = run_probe(_with_status(run, target, shown))
    write(shown.format.render(report, shown.style))
    return exit_code(report, shown.fail_on)


def _given(
    target: Target, options: ProbeOptions, word: str, at_hand: AtHand, shown: Presentation
) -> Coroutine[Any, Any, Report]:
    from grpcdoctor.diagnosis.bisect_plan import given_hops
    from grpcdoctor.diagnosis.bisecting import bisect_given

    plan = given_hops(target, _addresses(word))
    cluster = at_hand.cluster_for(target, options.timeout)
    return bisect_given(target, plan, options, cluster=cluster, on_frame=shown.frame if shown.trace else None)


def _of_cluster(
    target: Target, options: ProbeOptions, at_hand: AtHand, shown: Presentation
) -> Coroutine[Any, Any, Report]:
    from grpcdoctor.diagnosis.bisecting import bisect_cluster

    cluster = at_hand.tunnelled(target, options.timeout)
    return bisect_cluster(target, options, cluster, on_frame=shown.frame if shown.trace else None)


async def _with_status(run: Coroutine[Any, Any, Report], target: Target, shown: Presentation) -> Report:
    async with Status(target.endpoint, enabled=not shown.trace).live():
        return await run


def _addresses(word: str) -> list[Target]:
    try:
        found = [parse_target(part.strip()) for part in word.split(",") if part.strip()]
    except TargetError as wrong:
        raise click.UsageError(f"--bisect: {wrong}") from wrong
    if not found:
        raise click.UsageError(
            "--bisect: name the hops from the outermost: --bisect=10.0.0.7:8443,grpc://10.1.2.3:50051"
        )
    return found
