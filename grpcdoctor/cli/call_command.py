"""What `call` does with its options: check them, ask for what lacks, run, save, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from grpcdoctor.cli.call_printing import JsonPrinter, TextPrinter
from grpcdoctor.cli.call_requests import Data
from grpcdoctor.cli.calling import CallOptions, CallRun, Outcome
from grpcdoctor.cli.command_line import option_words
from grpcdoctor.cli.errors import say, say_lines
from grpcdoctor.cli.running import run_interruptible
from grpcdoctor.model.redact import redact
from grpcdoctor.report import clean
from grpcdoctor.report.call_json import CallFrame

if TYPE_CHECKING:
    from grpcdoctor.cli.client_options import ClientOptions
    from grpcdoctor.cli.dialogue import Asker
    from grpcdoctor.cli.saved_call import SavedCall

_DIFFERENT: Final = 1


def run_call(ctx: click.Context, client: ClientOptions, given: dict[str, Any]) -> int:
    """The exit code. Raises click.UsageError."""
    saved: SavedCall | None = ctx.obj if given["replay"] else None
    _check(given)
    target = client.target(given["target"])
    data = Data(saved.data.encode()) if saved is not None and given["data"] is None else Data.of(given["data"])
    options = CallOptions(
        client=client,
        target=target,
        method=given["method"],
        data=data,
        **{name: given[name] for name in _PASSED_ON},
    )
    frame = CallFrame(target, client.protocol, client.rpc_metadata(), client.show_secrets)
    printer = _printer(frame, given)
    keep = given["save"] is not None or given["compare"] or given["interactive"]
    run = CallRun(options, frame, printer, keep, _asker() if given["interactive"] else None)
    run_interruptible(run.run())
    outcome = run.outcome
    if given["interactive"]:
        _say_how_to_repeat(ctx, outcome)
    if given["save"] is not None:
        _save(ctx, given["save"], run)
    if saved is not None and given["compare"] and outcome.last is not None:
        return _compare(saved, _without_secrets(outcome.last, run.frame)) or outcome.exit_code
    return outcome.exit_code


_PASSED_ON: Final = (
    "format", "emit_defaults", "proto_names", "allow_unknown_fields", "compress", "repeat", "retry", "protoset_out",
    "proto_out_dir",
)  # fmt: skip


def _check(given: dict[str, Any]) -> None:
    """Raises click.UsageError for what lacks and what contradicts itself."""
    if given["target"] is None:
        raise click.UsageError("name a TARGET and a METHOD, such as localhost:50051 package.Service/Method")
    if given["method"] is None and not given["interactive"]:
        raise click.UsageError(
            f"name a METHOD of {given['target']}, such as package.Service/Method (grpcdoctor list shows services)"
        )
    if given["interactive"] and given["data"] is not None:
        raise click.UsageError("--interactive asks for what --data gives; leave out one of them")
    if given["interactive"]:
        from grpcdoctor.cli.asking import check_terminal

        if given["format"] == "text":
            raise click.UsageError("--interactive makes JSON; leave out --format text")
        check_terminal()
    if given["compare"] and not given["replay"]:
        raise click.UsageError("--compare compares with a saved call: --replay FILE")
    if given["save"] is not None:
        from grpcdoctor.cli.saved_call import check_writable

        if given["repeat"] > 1:
            raise click.UsageError("--save keeps one call; leave out --repeat")
        if given["format"] == "text":
            raise click.UsageError("--save keeps messages as JSON; leave out --format text")
        check_writable(given["save"])


def _printer(frame: CallFrame, given: dict[str, Any]) -> TextPrinter:
    if given["output"] == "json":
        return JsonPrinter(frame, given["verbose"])
    return TextPrinter(frame, given["format"], given["verbose"], colour=not given["no_color"])


def _asker() -> Asker:
    from grpcdoctor.cli.asking import TerminalAsker

    return TerminalAsker()


def _say_how_to_repeat(ctx: click.Context, outcome: Outcome) -> None:
    """The command line that does the same without a question."""
    import json
    import shlex

    if outcome.last is None or outcome.last["method"] is None:
        return
    requests = " ".join(json.dumps(message, ensure_ascii=False) for message in outcome.last["request"]["messages"])
    words = option_words(ctx, without=frozenset({"interactive", "save"}))
    line = ["grpcdoctor", "call", *words, ctx.params["target"], outcome.last["method"]["name"], "-d", requests]
    say_lines(["the same again:", f"  {clean.visible(shlex.join(line))}"])


def _save(ctx: click.Context, path: str, run: CallRun) -> None:
    from grpcdoctor.cli.saved_call import SavedCall, is_saved, save

    call = run.outcome.last
    if call is None or call["method"] is None:
        say(f"grpcdoctor call: nothing is saved to {path}: the call was not made")
        return
    if run.outcome.calls > 1:
        raise click.UsageError(f"--save keeps one call, and {run.outcome.calls} were made; give one request")
    names = {param.name for param in ctx.command.params}
    words = option_words(ctx, without=frozenset(name for name in names if name and not is_saved(name)))
    saved = SavedCall(ctx.params["target"], call["method"]["name"], tuple(words), _without_secrets(call, run.frame))
    save(path, saved)


def _without_secrets(call: dict[str, Any], frame: CallFrame) -> dict[str, Any]:
    """As it is saved: what was sent as a credential is not in the answer either."""
    return {**call, "response": redact(call["response"], frame.secrets)}


def _compare(saved: SavedCall, call: dict[str, Any]) -> int:
    """1 where the answers differ, which is said line by line."""
    from grpcdoctor.report.call_differences import differences

    found = differences(saved.call, call)
    if not found:
        say("grpcdoctor call: the answer is the same as the saved one")
        return 0
    say_lines(["grpcdoctor call: the answer differs from the saved one:", *(f"  {line}" for line in found)])
    return _DIFFERENT
