"""The user at a terminal, through prompt_toolkit: completion, history, editing of several lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from grpcdoctor.cli.terminal import is_terminal


def check_terminal() -> None:
    """Raises click.UsageError where nobody can be asked."""
    if not is_terminal(sys.stdin) or not is_terminal(sys.stderr):
        raise click.UsageError("--interactive needs a terminal; give the request with --data instead")


class TerminalAsker:
    """Asks on stderr, so that stdout has the responses alone. `input` and `output` are prompt_toolkit's, for tests."""

    def __init__(self, input: Any = None, output: Any = None) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.output import create_output

        self._session: Any = PromptSession(input=input, output=output or create_output(stdout=sys.stderr))

    async def ask(self, prompt: str, choices: Sequence[str]) -> str:
        from prompt_toolkit.completion import WordCompleter

        completer = WordCompleter(list(choices), sentence=True, ignore_case=True) if choices else None
        # handle_sigint would take the handler away with which Ctrl-C ends the call later; here it is a key.
        answer: str = await self._session.prompt_async(
            prompt, completer=completer, complete_while_typing=bool(choices), multiline=False, handle_sigint=False
        )
        return answer

    async def edit(self, text: str) -> str:
        changed: str = await self._session.prompt_async(
            "Esc, then Enter, ends; Ctrl-C drops the changes\n", default=text, completer=None, multiline=True,
            handle_sigint=False, enable_open_in_editor=True,
        )  # fmt: skip
        return changed
