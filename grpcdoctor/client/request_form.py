"""A request asked for field by field: a walk over its type that yields questions and takes answers. No I/O.

    form = RequestForm(descriptor, check, read_file)
    while form.question is not None:
        form.answer(...)         # or form.back()
    form.value                   # as JSON

The walk is a generator. To go back, it is walked again with all answers but the last: no answer needs to know how it
is undone. A message type that contains itself ends where the user does not enter it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.form_fields import (
    AnswerError,
    ReadFile,
    ValueKind,
    default_of,
    elements_of,
    empty_of,
    is_map,
    key_text,
    map_word,
    message_type,
    special_kind,
    value_kind,
    zero_of,
)

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

NONE: Final = "(none)"
ENTER: Final = "enter"
SKIP: Final = "skip"
ADD: Final = "add"
DONE: Final = "done"
_ROOT: Final = "request"
# protobuf reads no deeper (upb's and Go's limit on nested messages).
_DEEPEST: Final = 100

Check = Callable[["Descriptor", str], None]
"""Whether JSON, an object with one field or a special type's value, fits a message type. Raises RequestError."""


class Rest(Enum):
    """The answer that leaves out what is left of the message in question."""

    REST = "rest"


Answer = str | Rest


@dataclass(frozen=True, slots=True)
class Question:
    """`path` is the field's (`order.lines[2].price`); an empty answer means `default`, or to leave the field out."""

    path: str
    word: str
    """What is wanted: the type, or `one of …`."""
    choices: tuple[str, ...] = ()
    """All that may be answered, where there are only so many; `open_choice`: something else may be."""
    open_choice: bool = False
    default: str = ""
    hint: str = ""
    required: bool = False
    check: Callable[[str], object] = field(default=lambda answer: answer, repr=False, compare=False)
    """Raises AnswerError or RequestError."""


Walk = Generator[Question, Answer, None]


class _LeftError(Exception):
    """The rest of the innermost message is left out."""


class RequestForm:
    """One request. Not thread-safe; everything is synchronous."""

    def __init__(self, descriptor: Descriptor, check: Check, read_file: ReadFile) -> None:
        self._descriptor = descriptor
        self._walker = _Walker(check, read_file)
        self._answers: list[Answer] = []
        self._start()

    @property
    def question(self) -> Question | None:
        """The one to be answered now; None when all are."""
        return self._question

    @property
    def value(self) -> Any:
        """What was answered so far, as JSON, by the names of the proto source."""
        return self._root[_ROOT]

    def answer(self, answer: Answer) -> None:
        """Raises AnswerError or RequestError (the question then stays), and what the check raises besides."""
        question = self._question
        assert question is not None, "all questions are answered"
        if not isinstance(answer, Rest):
            answer = _taken(question, answer.strip())
        self._answers.append(answer)
        self._send(answer)

    def back(self) -> bool:
        """Undo the last answer. False where there is none."""
        if not self._answers:
            return False
        answers = self._answers[:-1]
        self._start()
        for answer in answers:
            self._send(answer)
        self._answers = answers
        return True

    def _start(self) -> None:
        self._root: dict[str, Any] = {}
        self._question: Question | None = None
        self._answers = []
        self._walk = self._walker.request(self._descriptor, self._root)
        self._advance(lambda: next(self._walk))

    def _send(self, answer: Answer) -> None:
        self._advance(lambda: self._walk.send(answer))

    def _advance(self, step: Callable[[], Question]) -> None:
        try:
            self._question = step()
        except StopIteration:
            self._question = None


def _taken(question: Question, answer: str) -> str:
    """The answer as the walk takes it. Raises what is wrong with it."""
    if not answer:
        if question.required:
            raise AnswerError("this field is required")
        return ""
    if question.choices and answer not in question.choices:
        answer = _choice(question, answer)
    question.check(answer)
    return answer


def _choice(question: Question, answer: str) -> str:
    """In any case of letters; where nothing else may be answered its beginning will do. Raises AnswerError."""
    lower = answer.lower()
    same = [choice for choice in question.choices if choice.lower() == lower]
    if not same and not question.open_choice:
        same = [choice for choice in question.choices if choice.lower().startswith(lower)]
    if len(same) == 1:
        return same[0]
    if question.open_choice:
        return answer
    raise AnswerError(f"{answer!r} is none of {', '.join(question.choices)}")


class _Walker:
    def __init__(self, check: Check, read_file: ReadFile) -> None:
        self._check = check
        self._read_file = read_file

    def request(self, descriptor: Descriptor, root: dict[str, Any]) -> Walk:
        """The whole of it, which is one value where the type is a Timestamp, a Struct and the like."""
        root[_ROOT] = empty_of(descriptor)
        kind = special_kind(descriptor, self._read_file)
        if kind is None:
            yield from self.message(descriptor, root[_ROOT], "", 0)
            return

        def check(answer: str) -> None:
            self._check(descriptor, json.dumps(kind.read(answer)))

        answer = yield Question(_ROOT, kind.word, kind.choices, True, hint=kind.hint, check=check)
        if not isinstance(answer, Rest) and answer:
            root[_ROOT] = kind.read(answer)

    def message(self, descriptor: Descriptor, into: dict[str, Any], path: str, depth: int) -> Walk:
        """Ask for every field, in the order of their numbers, a oneof where its first member stands."""
        try:
            for oneof, fields in elements_of(descriptor):
                if oneof is None:
                    yield from self._field(fields[0], into, path, depth)
                else:
                    yield from self._oneof(oneof, fields, into, path, depth)
        except _LeftError:
            return

    def _oneof(
        self, oneof: OneofDescriptor, members: list[FieldDescriptor], into: dict[str, Any], path: str, depth: int
    ) -> Walk:
        names = tuple(member.name for member in members)
        chosen = yield from _ask(Question(_at(path, oneof.name), "oneof", (*names, NONE), default=NONE))
        for member in members:
            if member.name == chosen:
                yield from self._member(member, into, path, depth)

    def _member(self, member: FieldDescriptor, into: dict[str, Any], path: str, depth: int) -> Walk:
        """It was chosen: a message is entered at once, and of a scalar no answer means its default."""
        kind = value_kind(member, self._read_file)
        if kind is None:
            inner: dict[str, Any] = {}
            into[member.name] = inner
            yield from self.message(message_type(member), inner, _at(path, member.name), depth + 1)
            return
        answer = yield from self._ask_value(member, kind, into, _at(path, member.name))
        if answer:
            into[member.name] = kind.read(answer)
        elif member.message_type is None:
            into[member.name] = zero_of(member)

    def _field(self, one: FieldDescriptor, into: dict[str, Any], path: str, depth: int) -> Walk:
        at = _at(path, one.name)
        kind = value_kind(one, self._read_file)
        if kind is None and depth >= _DEEPEST:
            return
        if is_map(one):
            yield from self._map(one, into, at, depth)
        elif one.is_repeated:
            yield from self._list(one, kind, into, at, depth)
        elif kind is None:
            yield from self._enter(one, into, at, depth)
        else:
            answer = yield from self._ask_value(one, kind, into, at)
            if answer:
                into[one.name] = kind.read(answer)

    def _enter(self, one: FieldDescriptor, into: dict[str, Any], at: str, depth: int) -> Walk:
        if not one.is_required:
            question = Question(at, message_type(one).full_name, (ENTER, SKIP), default=SKIP)
            if (yield from _ask(question)) != ENTER:
                return
        inner: dict[str, Any] = {}
        into[one.name] = inner
        yield from self.message(message_type(one), inner, at, depth + 1)

    def _list(self, one: FieldDescriptor, kind: ValueKind | None, into: dict[str, Any], at: str, depth: int) -> Walk:
        """Elements until an empty answer."""
        elements: list[Any] = []
        while True:
            place = f"{at}[{len(elements)}]"
            if kind is None:
                question = Question(place, f"repeated {message_type(one).full_name}", (ADD, DONE), default=DONE)
                answer = yield from _ask(question)
                if answer != ADD:
                    return
                elements.append({})
                into[one.name] = elements
                yield from self.message(message_type(one), elements[-1], place, depth + 1)
                continue
            answer = yield from self._ask_value(one, kind, into, place, repeated=True)
            if not answer:
                return
            elements.append(kind.read(answer))
            into[one.name] = elements

    def _map(self, one: FieldDescriptor, into: dict[str, Any], at: str, depth: int) -> Walk:
        """A key, then its value, until an empty key."""
        key_field, value_field = (message_type(one).fields_by_name[name] for name in ("key", "value"))
        key_kind = value_kind(key_field, self._read_file)
        kind = value_kind(value_field, self._read_file)
        assert key_kind is not None, "keys are scalars"
        entries: dict[str, Any] = {}
        while True:
            answer = yield from _ask(self._key_question(one, key_kind, at))
            if not answer:
                return
            key = key_text(key_kind.read(answer))
            into[one.name] = entries
            place = f"{at}[{json.dumps(key, ensure_ascii=False)}]"
            if kind is None:
                entries[key] = {}
                yield from self.message(message_type(value_field), entries[key], place, depth + 1)
                continue
            check = self._checker(one, partial(_entry, kind, key))
            answer = yield from _ask(_value_question(value_field, kind, place, check))
            entries[key] = kind.read(answer) if answer else zero_of(value_field)

    def _key_question(self, one: FieldDescriptor, kind: ValueKind, at: str) -> Question:
        value = message_type(one).fields_by_name["value"]
        zero = zero_of(value)
        check = self._checker(one, lambda answer: {key_text(kind.read(answer)): zero})
        word = f"key of {map_word(one)}"
        return Question(f"{at}[…]", word, kind.choices, hint="empty: no more", check=check)

    def _ask_value(
        self, one: FieldDescriptor, kind: ValueKind, into: dict[str, Any], at: str, repeated: bool = False
    ) -> Generator[Question, Answer, str]:
        def value_of(answer: str) -> Any:
            value = kind.read(answer)
            return [value] if repeated else value

        check = self._checker(one, value_of)
        return (yield from _ask(_value_question(one, kind, at, check, repeated)))

    def _checker(self, one: FieldDescriptor, value_of: Callable[[str], Any]) -> Callable[[str], None]:
        """Checks an answer by reading it into an empty message of the field's."""
        return lambda answer: self._check(_owner(one), json.dumps({one.name: value_of(answer)}))


def _owner(one: FieldDescriptor) -> Descriptor:
    assert one.containing_type is not None
    return one.containing_type


def _entry(kind: ValueKind, key: str, answer: str) -> dict[str, Any]:
    return {key: kind.read(answer)}


def _ask(question: Question) -> Generator[Question, Answer, str]:
    answer = yield question
    if isinstance(answer, Rest):
        raise _LeftError
    return answer or question.default if question.choices and not question.open_choice else answer


def _value_question(
    one: FieldDescriptor, kind: ValueKind, at: str, check: Callable[[str], None], repeated: bool = False
) -> Question:
    hint = kind.hint
    if repeated:
        hint = f"{hint}; empty: no more" if hint else "empty: no more"
    default = "" if repeated or one.is_required or one.message_type is not None else default_of(one)
    word = f"repeated {kind.word}" if repeated else kind.word
    required = one.is_required and not repeated
    return Question(at, word, kind.choices, True, default, hint, required, check)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
