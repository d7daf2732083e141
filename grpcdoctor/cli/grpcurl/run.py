"""One command line of grpcurl's, from its words to its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grpcdoctor.cli.go_flags import FlagError, HelpWanted
from grpcdoctor.cli.grpcurl.console import Console
from grpcdoctor.cli.grpcurl.failures import FAILED, MISUSED, Failure, Misuse, root_of
from grpcdoctor.cli.grpcurl.flags import read_flags
from grpcdoctor.cli.grpcurl.names import PROGRAM, VERSION
from grpcdoctor.cli.grpcurl.order import Order, Verb, read_order
from grpcdoctor.cli.grpcurl.outcome import Outcome

if TYPE_CHECKING:
    from grpcdoctor.cli.grpcurl.session import Session


def run(words: Sequence[str]) -> int:
    """Raises ReaderGone, Interrupted."""
    console = Console()
    try:
        flags, rest = read_flags(words)
        if flags.help:
            raise HelpWanted
        if flags.version:
            console.err(f"{VERSION}\n")
            return 0
        order = read_order(flags, rest, console.warn)
        return _carry_out(order, console)
    except HelpWanted:
        _print_usage(console)
        return 0
    except FlagError as wrong:
        console.err(f"{wrong}\n")
        _print_usage(console)
    except Misuse as wrong:
        console.err(f"{wrong}\nTry '{PROGRAM} -help' for more details.\n")
    return MISUSED


def _print_usage(console: Console) -> None:
    from grpcdoctor.cli.grpcurl.usage import usage

    console.err(usage())


def _carry_out(order: Order, console: Console) -> int:
    from grpcdoctor.cli.running import run_interruptible

    return run_interruptible(_serve(order, console))


async def _serve(order: Order, console: Console) -> int:
    """With -vv the tree of timings ends what went well; what did not ends with a line on its cause."""
    from grpcdoctor.cli.grpcurl.session import Session
    from grpcdoctor.cli.grpcurl.timing import Timing

    timing = Timing("Timing Data")
    session = Session(order, timing, console.warn)
    try:
        outcome = await _do(session, console)
    except Failure as failed:
        console.err("\n".join((str(failed), *failed.hints())) + "\n")
        outcome = Outcome(FAILED, root_of(failed))
    finally:
        await session.close()
    if outcome.failure is not None:
        await _say_cause(session, outcome, console)
    elif order.flags.very_verbose and outcome.code == 0:
        timing.stop()
        console.out(timing.tree())
    return outcome.code


async def _do(session: Session, console: Console) -> Outcome:
    """Raises Failure, Misuse."""
    order = session.order
    if order.flags.expand_headers:
        from grpcdoctor.cli.grpcurl.headers import expand_headers

        session.order = order = order._replace(flags=expand_headers(order.flags))
    source = await session.source()
    if order.verb is Verb.CALL:
        from grpcdoctor.cli.grpcurl.invoking import run_call

        return await run_call(session, source, console)
    if order.verb is Verb.LIST:
        from grpcdoctor.cli.grpcurl.listing import run_list

        await run_list(order, source, console)
    else:
        from grpcdoctor.cli.grpcurl.describing import run_describe

        await run_describe(order, source, console)
    return Outcome()


async def _say_cause(session: Session, outcome: Outcome, console: Console) -> None:
    """What grpcurl leaves to guesswork. A status in -format-error's way has no line break behind it."""
    from grpcdoctor.cli.true_cause import true_cause
    from grpcdoctor.client.errors import ClientError

    if session.options is None or outcome.failure is None:
        return
    cause = await true_cause(
        session.options,
        outcome.failure,
        budget=session.seconds_left,
        metadata=outcome.metadata,
        answer=outcome.answer,
        method=outcome.method,
    )
    if cause is not None:
        lead = "\n" if session.order.flags.format_error and not isinstance(outcome.failure, ClientError) else ""
        console.err(f"{lead}{cause}\n")
