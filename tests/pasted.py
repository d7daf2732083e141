"""Command lines that users are told to paste: found in a text, and tried up to where the network would begin."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from unittest import mock

from grpcdoctor.cli import main

# What a reader puts something of their own for.
_PLACEHOLDERS = {"PORT": "50051", "…": "x", "@request.json": "{}"}
# Where the network or a file would begin, and what is answered instead.
_INSTEAD: dict[str, object] = {
    "grpcdoctor.cli.commands.probe.probe_one": 0,
    "grpcdoctor.cli.commands.probe.probe_many": 0,
    "grpcdoctor.cli.commands.probe.replay": 0,
    "grpcdoctor.cli.bisecting.bisect": 0,
    "grpcdoctor.cli.commands.inspect.inspect": 0,
    "grpcdoctor.cli.commands.explain.explain": 0,
    "grpcdoctor.cli.commands.envoy.show": 0,
    "grpcdoctor.cli.at_hand.AtHand.cluster_for": None,
    "grpcdoctor.cli.commands.demo.command.callback": 0,
    "grpcdoctor.cli.call_command.run_call": 0,
    "grpcdoctor.cli.replaying.ReplayableCommand._take_over": None,
    "grpcdoctor.cli.grpcurl.run._carry_out": 0,
    "grpcdoctor.cli.commands.health._run": 0,
    "grpcdoctor.cli.health.as_probe._carry_out": 0,
    "grpcdoctor.cli.listing.run_on_source": 0,
    "grpcdoctor.cli.describing.run_on_source": 0,
    "grpcdoctor.cli.targets.read_text": "grpc.example.com",
    "grpcdoctor.cli.options.check_files": None,
}


def ours_in(shell: str) -> Iterator[list[str]]:
    """The arguments of every `grpcdoctor …` in a shell command, pipes and `&` taken apart."""
    lexer = shlex.shlex(shell, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            yield from _after_our_name(words)
            words = []
        else:
            words.append(word)


def _after_our_name(words: list[str]) -> Iterator[list[str]]:
    if words[:1] == ["grpcdoctor"]:
        yield words[1:]


def refusal(shell: str) -> str | None:
    """Why a shell or our command line does not take this, or None. Nothing is probed, and no file is looked at."""
    try:
        return next((why for ours in ours_in(shell) if (why := _refusal(ours)) is not None), None)
    except ValueError as wrong:
        return f"a shell does not take it: {wrong}"


def _refusal(arguments: list[str]) -> str | None:
    with ExitStack() as stack:  # twenty managers in one `with` crash the compiler of Python 3.12.1
        for name, answer in _INSTEAD.items():
            stack.enter_context(mock.patch(name, return_value=answer))
        stack.enter_context(mock.patch.dict("os.environ", {"TOKEN": "x"}))
        said = stack.enter_context(mock.patch("grpcdoctor.cli.errors.say"))
        code = main.run([_fill(argument) for argument in arguments])
    return None if code == 0 else " ".join(str(call.args[0]) for call in said.call_args_list)


def _fill(argument: str) -> str:
    for placeholder, value in _PLACEHOLDERS.items():
        argument = re.sub(rf"(?<![A-Za-z]){re.escape(placeholder)}(?![A-Za-z])", value, argument)
    return argument
