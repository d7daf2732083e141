"""`call --interactive`: the dialogue with a scripted user, with prompt_toolkit's own pipe, and at a real terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from grpcdoctor.cli.asking import TerminalAsker
from grpcdoctor.cli.dialogue import Dialogue, prompt_of
from grpcdoctor.cli.errors import Interrupted
from grpcdoctor.client.formats.types import Types
from grpcdoctor.client.request_form import Question
from tests.cli.client_servers import running_kitchen
from tests.client import kitchen
from tests.lab.kitchen_sink import Kitchen
from tests.lab.processes import ROOT

__all__ = ["running_kitchen"]

CTRL_C, CTRL_D = KeyboardInterrupt(), EOFError()
SECONDS = 20.0


class Scripted:
    """Answers in turn; `asked` are the prompts."""

    def __init__(self, *answers: str | BaseException, edits: Sequence[str | BaseException] = ()) -> None:
        self.answers = list(answers)
        self.edits = list(edits)
        self.asked: list[str] = []

    async def ask(self, prompt: str, choices: Sequence[str]) -> str:
        self.asked.append(prompt)
        return self._next(self.answers)

    async def edit(self, text: str) -> str:
        return self._next(self.edits)

    def _next(self, answers: list[str | BaseException]) -> str:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def requests(asker: Scripted, method: str) -> list[Any]:
    """What is sent to a method of kitchen.v1.Script."""
    descriptor = kitchen.pool().FindServiceByName("kitchen.v1.Script").methods_by_name[method]
    text = asyncio.run(Dialogue(asker, Types(kitchen.KitchenSource())).requests(descriptor))
    decoder, found = json.JSONDecoder(), []
    while text.strip():
        value, end = decoder.raw_decode(text.lstrip())
        found.append(value)
        text = text.lstrip()[end:]
    assert asker.answers == []
    return found


# The fields of kitchen.v1.Plan: notes, repeat, headers, trailers, failure, compression, seconds, characters.


def test_a_request_is_filled_in_shown_and_sent(capsys: pytest.CaptureFixture[str]) -> None:
    asker = Scripted("add", "hello", "7", "", "done", "2", "done", "done", "skip", "gzip", "", "", "send")
    assert requests(asker, "Unary") == [
        {"notes": [{"text": "hello", "number": 7}], "repeat": 2, "compression": "gzip"}
    ]
    assert asker.asked[0] == "notes[0] (repeated kitchen.v1.Note, add | done) [done]: "
    assert asker.asked[1] == 'notes[0].text (string) [""]: '
    assert '  "compression": "gzip"' in capsys.readouterr().err


def test_a_wrong_answer_is_explained_and_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    asker = Scripted("done", "many", "3", CTRL_D, "send")
    assert requests(asker, "Unary") == [{"repeat": 3}]
    assert "many" in capsys.readouterr().err
    assert asker.asked[1] == asker.asked[2]


def test_ctrl_c_goes_back_and_leaves_at_the_first_question() -> None:
    asker = Scripted("add", "wrong", CTRL_C, "right", CTRL_D, "done", CTRL_D, "send")
    assert requests(asker, "Unary") == [{"notes": [{"text": "right"}]}]
    with pytest.raises(Interrupted):
        requests(Scripted("done", CTRL_C, CTRL_C), "Unary")


def test_it_can_be_edited_until_it_fits(capsys: pytest.CaptureFixture[str]) -> None:
    asker = Scripted(CTRL_D, "edit", "send", edits=['{"repeat": "x"}', '{"repeat": 4}'])
    assert requests(asker, "Unary") == [{"repeat": 4}]
    assert "repeat: " in capsys.readouterr().err
    kept = Scripted("done", "1", CTRL_D, "edit", "send", edits=[KeyboardInterrupt()])
    assert requests(kept, "Unary") == [{"repeat": 1}]


def test_it_can_be_begun_again_and_dropped() -> None:
    assert requests(Scripted("done", "1", CTRL_D, "again", CTRL_D, "send"), "Unary") == [{}]
    with pytest.raises(Interrupted):
        requests(Scripted(CTRL_D, "quit"), "Unary")


def test_a_stream_takes_several_requests() -> None:
    asker = Scripted("done", "1", CTRL_D, "send", "more", "done", "2", CTRL_D, "send", "send")
    assert requests(asker, "ClientStream") == [{"repeat": 1}, {"repeat": 2}]


def test_a_type_inside_of_an_any_is_looked_up() -> None:
    answer = '{"@type": "type.googleapis.com/kitchen.v1.Note", "text": "inner"}'
    asker = Scripted("add", "outer", "", answer, "done", CTRL_D, "send")
    [found] = requests(asker, "Unary")
    assert found["notes"][0]["thing"]["text"] == "inner"
    refused = Scripted("add", "outer", "", answer.replace("Note", "Nope"), answer, "done", CTRL_D, "send")
    assert requests(refused, "Unary") == [found]


def test_a_method_is_chosen_by_its_beginning() -> None:
    dialogue = Dialogue(Scripted("", "kitchen.v1.Nope", "kitchen.v1.Script/Un"), Types())
    assert asyncio.run(dialogue.choose_method(kitchen.KitchenSource())) == "kitchen.v1.Script/Unary"


def test_a_method_is_chosen_by_its_own_name_too() -> None:
    dialogue = Dialogue(Scripted("Unary"), Types())
    assert asyncio.run(dialogue.choose_method(kitchen.KitchenSource())) == "kitchen.v1.Script/Unary"


def test_a_prompt_shows_what_may_be_answered_and_obeys_no_name() -> None:
    assert prompt_of(Question("a.b", "int32", default="0")) == "a.b (int32) [0]: "
    assert prompt_of(Question("a", "string", required=True)) == "a (string, required): "
    assert prompt_of(Question("a", "K", tuple("ABCDEFG"))) == "a (K): "
    assert prompt_of(Question("\x1b[2J", "K")) == "\\x1b[2J (K): "


# --- at a terminal -------------------------------------------------------------------------------------------------


def test_prompt_toolkit_gives_keys_and_completes_choices() -> None:
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    async def type_in(pipe: Any, keys: str) -> None:
        for key in keys:
            pipe.send_text(key)
            await asyncio.sleep(0.2)  # completions come from a task of their own

    async def typed(keys: str, choices: Sequence[str]) -> str:
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            typing = asyncio.ensure_future(type_in(pipe, keys))
            try:
                return await TerminalAsker(pipe, DummyOutput()).ask("? ", choices)
            except (KeyboardInterrupt, EOFError) as left:  # one that leaves its task ends the loop
                return type(left).__name__
            finally:
                await typing

    assert asyncio.run(typed("abc\r", ())) == "abc"
    assert asyncio.run(typed("b\t\r", ("apple", "banana"))) == "banana"
    assert asyncio.run(typed("\x03", ())) == "KeyboardInterrupt"
    assert asyncio.run(typed("\x04", ())) == "EOFError"


class Pty:
    """grpcdoctor at a real terminal."""

    def __init__(self, *arguments: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ.update(TERM="xterm", COLUMNS="100", PROMPT_TOOLKIT_NO_CPR="1")
            os.execv(sys.executable, [sys.executable, "-m", "grpcdoctor", *arguments])
        self.seen = ""

    def read_until(self, wanted: str) -> str:
        """Returns it; it is forgotten then."""
        until = time.monotonic() + SECONDS
        while wanted not in self.shown():
            assert time.monotonic() < until, self.shown()
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:  # the other side has gone
                    assert wanted in self.shown(), self.shown()
        found, self.seen = self.shown(), ""
        return found

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def exit_code(self) -> int:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if select.select([self.fd], [], [], 0)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise AssertionError("it does not end")

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def shown(self) -> str:
        """What was not read yet, as plain text."""
        return re.sub(r"\x1b(\[[\d;?]*[A-Za-z]|[=>])", "", self.seen)


@pytest.fixture
def terminal(running_kitchen: Kitchen) -> Iterator[Any]:
    opened: list[Pty] = []

    def start(*arguments: str) -> Pty:
        opened.append(Pty("call", running_kitchen.addresses["plain"], "--plaintext", *arguments))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_a_real_terminal_from_the_first_question_to_the_command_that_repeats_it(terminal: Any) -> None:
    screen = terminal("kitchen.v1.Script/Unary", "-i", "-H", "authorization: Bearer abcdefgh")
    screen.read_until("[done]:")
    screen.type("add\r")
    screen.read_until("notes[0].text")
    screen.type("it's\r")
    screen.read_until("notes[0].number")
    screen.type("\x04")
    screen.read_until("notes[1]")
    screen.type("\x04")
    screen.read_until("send it?")
    screen.type("\r")
    assert screen.exit_code() == 0
    rest = screen.shown()
    assert '"text": "it\'s"' in rest
    assert "'authorization: ${AUTHORIZATION}'" in rest
    assert "abcdefgh" not in rest
    assert """'{"notes": [{"text": "it'"'"'s"}]}'""" in rest


def test_ctrl_c_at_the_first_question_leaves_with_130(terminal: Any) -> None:
    screen = terminal("kitchen.v1.Script/Unary", "-i")
    screen.read_until("[done]:")
    screen.type("\x03")
    assert screen.exit_code() == 130
    assert "Traceback" not in screen.seen


def test_ctrl_c_ends_a_call_that_was_filled_in(terminal: Any) -> None:
    screen = terminal("kitchen.v1.Script/ServerStream", "-i")
    screen.read_until("[done]:")
    for answer in ("done", "", "done", "done", "skip", "", "9", "", "send"):
        screen.type(answer + "\r")
    screen.read_until("send it?")
    time.sleep(1.0)
    screen.type("\x03")
    assert screen.exit_code() == 130
