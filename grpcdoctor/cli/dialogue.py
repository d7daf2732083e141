"""`call --interactive`: asks for a request field by field, shows it, and sends, changes or drops it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from grpcdoctor.cli.errors import Interrupted, say_lines
from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.form_fields import AnswerError
from grpcdoctor.client.request_form import Question, RequestForm, Rest
from grpcdoctor.report import clean

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, MethodDescriptor

    from grpcdoctor.client.call import DescriptorSource
    from grpcdoctor.client.formats.types import Types

_SEND: Final = "send"
_EDIT: Final = "edit"
_AGAIN: Final = "again"
_QUIT: Final = "quit"
_MORE: Final = "more"
# More choices than this are shown by Tab alone.
_FEW: Final = 6

_HELP: Final = (
    "Enter takes the default or leaves a field out; Tab shows what may be answered.",
    "Ctrl-C goes back a question, and leaves at the first one; Ctrl-D leaves out the rest of a message.",
)


class Asker(Protocol):
    """The user. Ctrl-C raises KeyboardInterrupt, Ctrl-D EOFError."""

    async def ask(self, prompt: str, choices: Sequence[str]) -> str: ...

    async def edit(self, text: str) -> str:
        """The text as the user leaves it."""
        ...


class Dialogue:
    def __init__(self, asker: Asker, types: Types) -> None:
        self._asker = asker
        self._types = types

    async def choose_method(self, source: DescriptorSource) -> str:
        """Raises Interrupted, ClientError."""
        from grpcdoctor.client.listing import list_services

        found = await list_services(source, with_methods=True)
        methods = [f"{service.name}/{method.name}" for service in found for method in service.methods or ()]
        say_lines(clean.visible(f"  {name}") for name in methods)
        return await self._choose("method", methods, methods[0] if len(methods) == 1 else "")

    async def requests(self, method: MethodDescriptor) -> str:
        """The requests as JSON, one after the other. Raises Interrupted where the user wants no call."""
        say_lines([clean.visible(f"{method.input_type.full_name} of {method.full_name}"), *_HELP])
        found = [await self._request(method.input_type)]
        while method.client_streaming:
            if await self._choose("another request?", [_MORE, _SEND], _SEND) == _SEND:
                break
            found.append(await self._request(method.input_type))
        return "\n".join(found)

    async def _request(self, descriptor: Descriptor) -> str:
        text = await self._filled_in(descriptor)
        while True:
            say_lines(clean.json_text(text).split("\n"))
            wanted = await self._choose("send it?", [_SEND, _EDIT, _AGAIN, _QUIT], _SEND)
            if wanted == _SEND:
                return text
            if wanted == _QUIT:
                raise Interrupted
            text = await self._filled_in(descriptor) if wanted == _AGAIN else await self._edited(descriptor, text)

    async def _filled_in(self, descriptor: Descriptor) -> str:
        from grpcdoctor.client.form_check import checking

        form = RequestForm(descriptor, checking(self._types), lambda path: Path(path).expanduser().read_bytes())
        while form.question is not None:
            answer = await self._answer(form, form.question)
            if answer is None:
                continue
            try:
                await self._types.settle(lambda answer=answer: form.answer(answer))  # type: ignore[misc]
            except (AnswerError, RequestError) as wrong:
                say_lines([f"  {clean.line(str(wrong))}"])
        return await self._read_back(descriptor, json.dumps(form.value))

    async def _answer(self, form: RequestForm, question: Question) -> str | Rest | None:
        """None: the question before is asked again."""
        try:
            return await self._asker.ask(prompt_of(question), question.choices)
        except EOFError:
            return Rest.REST
        except KeyboardInterrupt:
            if not form.back():
                raise Interrupted from None
            return None

    async def _edited(self, descriptor: Descriptor, text: str) -> str:
        """Until it fits, or is left as it was."""
        changed = text
        while True:
            try:
                changed = await self._asker.edit(changed)
                return await self._read_back(descriptor, changed)
            except (KeyboardInterrupt, EOFError):
                return text
            except RequestError as wrong:
                say_lines([f"  {clean.line(str(wrong))}"])

    async def _read_back(self, descriptor: Descriptor, text: str) -> str:
        """As it will be sent. Raises RequestError."""
        from google.protobuf.message import Message
        from google.protobuf.message_factory import GetMessageClass

        from grpcdoctor.client.formats.json_reader import read_json
        from grpcdoctor.client.formats.json_writer import to_json

        def read() -> Message:
            message: Message = GetMessageClass(descriptor)()
            read_json(text, message, self._types)
            return message

        message = await self._types.settle(read)
        return await self._types.settle(lambda: to_json(message, self._types, json_names="camel"))

    async def _choose(self, what: str, choices: Sequence[str], default: str) -> str:
        """One of these, also by its beginning. Raises Interrupted."""
        hint = ", ".join(choices) if len(choices) <= _FEW else ""
        while True:
            try:
                answer = (await self._asker.ask(_prompt(what, hint, default), choices)).strip() or default
            except (KeyboardInterrupt, EOFError):
                raise Interrupted from None
            fitting = next(filter(None, _fitting(answer, choices)), [])
            if len(fitting) == 1:
                return fitting[0]
            why = f"{clean.line(answer)!r} is none of them" if answer else "choose one; Tab shows them"
            say_lines([f"  {why}"])


def _fitting(answer: str, choices: Sequence[str]) -> Iterator[list[str]]:
    """What is meant: exactly, by a method's own name, by the beginning."""
    yield [choice for choice in choices if choice == answer]
    yield [choice for choice in choices if choice.rpartition("/")[2] == answer]
    yield [choice for choice in choices if answer and choice.startswith(answer)]


def prompt_of(question: Question) -> str:
    """order.kind  shop.Kind, one of A, B [A]: """
    words = [question.word]
    if question.choices and len(question.choices) <= _FEW:
        words.append(" | ".join(question.choices))
    if question.hint:
        words.append(question.hint)
    if question.required:
        words.append("required")
    return _prompt(question.path, ", ".join(words), question.default)


def _prompt(what: str, hint: str, default: str) -> str:
    """A peer's names are in it."""
    about = f" ({hint})" if hint else ""
    shown = f" [{default}]" if default else ""
    return clean.visible(f"{what}{about}{shown}") + ": "
