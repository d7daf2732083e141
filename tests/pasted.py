"""Command lines that users are told to paste: found in a text, and tried up to where the network would begin."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from unittest import mock

from grpcdoctor.cli import main

# What a reader puts something of their own for.
_PLACEHOLDERS = {"PORT": "50051", "…": "x", "@request.json": "{}"}


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
    with (
        mock.patch("grpcdoctor.cli.commands.probe.probe_one", return_value=0),
        mock.patch("grpcdoctor.cli.commands.probe.probe_many", return_value=0),
        mock.patch("grpcdoctor.cli.commands.probe.replay", return_value=0),
        mock.patch("grpcdoctor.cli.bisecting.bisect", return_value=0),
        mock.patch("grpcdoctor.cli.commands.inspect.inspect", return_value=0),
        mock.patch("grpcdoctor.cli.commands.explain.explain", return_value=0),
        mock.patch("grpcdoctor.cli.commands.envoy.show", return_value=0),
        mock.patch("grpcdoctor.cli.at_hand.AtHand.cluster_for", return_value=None),
        mock.patch("grpcdoctor.cli.commands.demo.command.callback", return_value=0),
        mock.patch("grpcdoctor.cli.call_command.run_call", return_value=0),
        mock.patch("grpcdoctor.cli.replaying.ReplayableCommand._take_over"),
        mock.patch("grpcdoctor.cli.grpcurl.run._carry_out", return_value=0),
        mock.patch("grpcdoctor.cli.commands.health._run", return_value=0),
        mock.patch("grpcdoctor.cli.health.as_probe._carry_out", return_value=0),
        mock.patch("grpcdoctor.cli.listing.run_on_source", return_value=0),
        mock.patch("grpcdoctor.cli.describing.run_on_source", return_value=0),
        mock.patch.dict("os.environ", {"TOKEN": "x"}),
        mock.patch("grpcdoctor.cli.targets.read_text", return_value="grpc.example.com"),
        mock.patch("grpcdoctor.cli.options.check_files"),
        mock.patch("grpcdoctor.cli.errors.say") as said,
    ):
        code = main.run([_fill(argument) for argument in arguments])
    return None if code == 0 else " ".join(str(call.args[0]) for call in said.call_args_list)


def _fill(argument: str) -> str:
    for placeholder, value in _PLACEHOLDERS.items():
        argument = re.sub(rf"(?<![A-Za-z]){re.escape(placeholder)}(?![A-Za-z])", value, argument)
    return argument
