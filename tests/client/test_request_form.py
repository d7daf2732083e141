"""The walk over a request's type: what is asked, what an answer becomes, how it is undone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass

from grpcdoctor.client.form_check import checking
from grpcdoctor.client.form_fields import AnswerError
from grpcdoctor.client.formats.json_reader import read_json
from grpcdoctor.client.formats.types import Types
from grpcdoctor.client.request_form import Answer, Question, RequestForm, Rest
from tests.client import kitchen

REST = Rest.REST


def form_of(name: str, files: dict[str, bytes] | None = None) -> RequestForm:
    def read_file(path: str) -> bytes:
        found = (files or {}).get(path)
        if found is None:
            raise FileNotFoundError(2, "No such file or directory")
        return found

    return RequestForm(kitchen.message(f"kitchen.v1.{name}"), checking(Types()), read_file)


def question(form: RequestForm) -> Question:
    assert form.question is not None
    return form.question


def go_to(form: RequestForm, path: str) -> RequestForm:
    """Leave everything out up to the question with this path."""
    while question(form).path != path:
        form.answer("")
    return form


def value_of(name: str, path: str, *answers: Answer, files: dict[str, bytes] | None = None) -> dict[str, Any]:
    """What these answers make of the field and those behind it; everything else is left out."""
    form = go_to(form_of(name, files), path)
    for answer in answers:
        form.answer(answer)
    while form.question is not None:
        form.answer(REST)
    value: dict[str, Any] = form.value
    fits(name, value)
    return value


def fits(name: str, value: dict[str, Any]) -> None:
    """As the codec reads it."""
    read_json(json.dumps(value), GetMessageClass(kitchen.message(f"kitchen.v1.{name}"))(), Types())


def test_everything_may_be_left_out() -> None:
    form = form_of("Everything")
    while form.question is not None:
        form.answer("")
    assert form.value == {}


def test_fields_are_asked_in_the_order_of_their_numbers_with_their_types_and_defaults() -> None:
    form = form_of("Everything")
    asked = []
    while form.question is not None:
        asked.append((form.question.path, form.question.word, form.question.default))
        form.answer("")
    assert asked[0] == ("a_double", "double", "0.0")
    assert ("colour", "kitchen.v1.Colour", "COLOUR_UNSPECIFIED") in asked
    assert ("choice", "oneof", "(none)") in asked
    assert ("by_int32[…]", "key of map<int32, string>", "") in asked
    assert ("nested", "kitchen.v1.Everything.Nested", "skip") in asked
    assert len({path for path, _, _ in asked}) == len(asked) > 50


@pytest.mark.parametrize(
    ("path", "answers", "wanted"),
    [
        ("a_double", ["1.5"], {"a_double": "1.5"}),
        ("an_int64", ["-9223372036854775808"], {"an_int64": "-9223372036854775808"}),
        ("a_bool", ["TRUE"], {"a_bool": True}),
        ("a_string", ["two words"], {"a_string": "two words"}),
        ("a_string", ['"tab\\there"'], {"a_string": "tab\there"}),
        ("a_string", ['"'], {"a_string": '"'}),
        ("maybe_string", ['""'], {"maybe_string": ""}),
        ("some_bytes", ["aGk="], {"some_bytes": "aGk="}),
        ("colour", ["green"], {"colour": "GREEN"}),
        ("colour", ["2"], {"colour": "GREEN"}),
        ("colour", ["77"], {"colour": "77"}),
        ("numbers[0]", ["1", "2", ""], {"numbers": ["1", "2"]}),
        ("flags[0]", ["true", "false", ""], {"flags": [True, False]}),
        ("nested", ["enter", "n", "skip"], {"nested": {"name": "n"}}),
        ("many_nested[0]", ["add", "a", "skip", "add", REST, "done"], {"many_nested": [{"name": "a"}, {}]}),
        ("by_string[…]", ["k", "v", "empty", "", ""], {"by_string": {"k": "v", "empty": ""}}),
        ("by_bool[…]", ["true", "yes", ""], {"by_bool": {"true": "yes"}}),
        ("nested_by_string[…]", ["k", "n", "skip", ""], {"nested_by_string": {"k": {"name": "n"}}}),
        ("colour_by_string[…]", ["k", "", ""], {"colour_by_string": {"k": "COLOUR_UNSPECIFIED"}}),
        ("choice", ["chosen_int64", "7"], {"chosen_int64": "7"}),
        ("choice", ["chosen_bool", ""], {"chosen_bool": False}),
        ("choice", ["Chosen_n", "n", "s"], {"chosen_nested": {"name": "n"}}),
        ("choice", ["(none)"], {}),
    ],
)  # fmt: skip
def test_answers_become_json(path: str, answers: list[Answer], wanted: dict[str, Any]) -> None:
    assert value_of("Everything", path, *answers) == wanted


@pytest.mark.parametrize(
    ("path", "answer", "why"),
    [
        ("an_int32", "1.5", "1.5"),
        ("an_int32", "2147483648", "2147483648"),
        ("a_uint32", "-1", "-1"),
        ("a_double", "much", "much"),
        ("a_bool", "perhaps", "perhaps"),
        ("some_bytes", "***", "base64"),
        ("some_bytes", "@/nope", "cannot read /nope: No such file or directory"),
        ("colour", "PINK", "PINK"),
        ("choice", "chosen", "'chosen' is none of chosen_string, "),
        ("nested", "perhaps", "'perhaps' is none of enter, skip"),
        ("by_int32[…]", "x", "x"),
    ],
)
def test_what_does_not_fit_is_refused_at_once_and_asked_again(path: str, answer: str, why: str) -> None:
    form = go_to(form_of("Everything"), path)
    before = question(form)
    with pytest.raises(AnswerError) as wrong:
        form.answer(answer)
    assert why in str(wrong.value)
    assert question(form) is before


def test_bytes_may_come_from_a_file() -> None:
    assert value_of("Everything", "some_bytes", "@x", files={"x": b"\xff\xfe"}) == {"some_bytes": "//4="}


def test_well_known_types_are_asked_for_in_their_json_forms() -> None:
    asked = {}
    form = form_of("WellKnown")
    while form.question is not None:
        asked[form.question.word] = form.question.hint
        form.answer("")
    assert asked["google.protobuf.Timestamp"] == "such as 2026-01-31T12:00:00Z"
    assert asked["google.protobuf.Any"].startswith('JSON, such as {"@type": ')


@pytest.mark.parametrize(
    ("path", "answer", "wanted"),
    [
        ("timestamp", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("duration", "1.5s", "1.5s"),
        ("mask", "a,b", "a,b"),
        ("struct", '{"a": [1]}', {"a": [1]}),
    ],
)
def test_well_known_types_take_their_json_forms(path: str, answer: str, wanted: Any) -> None:
    names = {field.name for field in kitchen.message("kitchen.v1.WellKnown").fields}
    found = next(name for name in sorted(names, key=len) if path in name)
    assert value_of("WellKnown", found, answer) == {found: wanted}


def test_a_required_field_cannot_be_left_out() -> None:
    form = form_of("Strict")
    assert question(form).required
    with pytest.raises(AnswerError, match="this field is required"):
        form.answer("")


def test_a_message_that_contains_itself_ends_where_it_is_not_entered() -> None:
    form = go_to(form_of("Tree"), "trunk")
    for _ in range(5):
        form.answer("enter")
        form.answer("deeper")
        form.answer("done")
    assert question(form).path == "trunk.trunk.trunk.trunk.trunk.trunk"
    form.answer("skip")
    while form.question is not None:
        form.answer(REST)
    fits("Tree", form.value)


def test_nesting_ends_where_protobuf_stops_to_read() -> None:
    form = form_of("Tree")
    entered = 0
    while form.question is not None:
        trunk = form.question.path.endswith("trunk")
        form.answer("enter" if trunk else "")
        entered += trunk
    assert entered == 100
    fits("Tree", form.value)


def test_the_rest_of_the_innermost_message_is_left_out() -> None:
    form = go_to(form_of("Everything"), "nested")
    form.answer("enter")
    form.answer(REST)
    assert question(form).path == "tree"
    form.answer(REST)
    assert form.question is None
    assert form.value == {"nested": {}}


def test_what_was_answered_of_a_list_stays_when_the_rest_is_left_out() -> None:
    assert value_of("Everything", "strings[0]", "a", REST) == {"strings": ["a"]}


def test_going_back_undoes_the_last_answer_also_into_and_out_of_messages() -> None:
    form = go_to(form_of("Everything"), "nested")
    trail: list[tuple[Question | None, dict[str, Any]]] = []
    for answer in ("enter", "n", "enter", "7", "done", "up"):
        trail.append((form.question, json.loads(json.dumps(form.value))))
        form.answer(answer)
    while trail:
        assert form.back()
        before, value = trail.pop()
        assert form.question == before
        assert form.value == value


def test_there_is_nothing_before_the_first_question() -> None:
    assert form_of("Everything").back() is False


@pytest.mark.parametrize(
    ("name", "answer", "wanted", "empty"),
    [
        ("Timestamp", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z", "1970-01-01T00:00:00Z"),
        ("Duration", "1.5s", "1.5s", "0s"),
        ("FieldMask", "a,b.c", "a,b.c", ""),
        ("Struct", '{"a": [1]}', {"a": [1]}, {}),
        ("Value", "7", 7, None),
        ("List", "[1]", [1], []),
        ("String", "hello", "hello", ""),
        ("Int64", "7", "7", 0),
        ("Bytes", "@x", "AQI=", ""),
        ("Any", '{"@type": "type.googleapis.com/google.protobuf.Empty"}', None, {}),
    ],
)
def test_a_request_that_is_a_well_known_type_is_one_question(name: str, answer: str, wanted: Any, empty: Any) -> None:
    descriptor = kitchen.pool().FindServiceByName("kitchen.v1.Echo").methods_by_name[name].input_type

    def form_with(*answers: Answer) -> Any:
        form = RequestForm(descriptor, checking(Types()), lambda _: b"\x01\x02")
        for each in answers:
            form.answer(each)
        assert form.question is None
        read_json(json.dumps(form.value), GetMessageClass(descriptor)(), Types())
        return form.value

    if wanted is not None:
        assert form_with(answer) == wanted
    assert form_with("") == form_with(REST) == empty


def test_a_request_that_is_a_well_known_type_is_checked_and_taken_back() -> None:
    descriptor = kitchen.pool().FindServiceByName("kitchen.v1.Echo").methods_by_name["Timestamp"].input_type
    form = RequestForm(descriptor, checking(Types()), lambda _: b"")
    assert question(form).path == "request"
    with pytest.raises(AnswerError, match="RFC 3339"):
        form.answer("now")
    form.answer("2026-01-31T12:00:00Z")
    assert form.back()
    assert question(form).path == "request"


def test_a_message_without_fields_asks_nothing() -> None:
    form = form_of("Nothing")
    assert form.question is None
    assert form.value == {}
