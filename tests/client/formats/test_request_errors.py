"""A bad request: every error names the field's path and its place, what was wanted and what was found."""

from __future__ import annotations

import pytest

from grpcdoctor.client.errors import RequestError
from grpcdoctor.client.formats.json_positions import Start
from grpcdoctor.client.formats.json_reader import read_json
from grpcdoctor.client.formats.json_syntax import syntax_error
from grpcdoctor.client.formats.text_reader import read_text
from grpcdoctor.client.formats.types import Types
from tests.client.formats.schema import new, pool

TYPES = Types(pool=pool())


def refused(text: str, name: str = "lab.All", start: Start | None = None) -> RequestError:
    with pytest.raises(RequestError) as told:
        read_json(text, new(name), TYPES, start=start)
    return told.value


@pytest.mark.parametrize(
    ("text", "path", "at", "words"),
    [
        ('{"anInt32": "x"}', "anInt32", '"x"', 'an integer (int32) is wanted, found the string "x"'),
        ('{"anInt32": 1.5}', "anInt32", "1.5", "found the number 1.5"),
        ('{"anInt32": 2147483648}', "anInt32", "2147483648", "out of its range, -2147483648 to 2147483647"),
        ('{"anInt32": 1e400}', "anInt32", "1e400", "out of its range"),
        ('{"ulongs": [1, -1]}', "ulongs[1]", "-1", "out of its range"),
        ('{"aDouble": 1e999}', "aDouble", "1e999", "double's range"),
        ('{"aBool": "yes"}', "aBool", '"yes"', "true or false is wanted"),
        ('{"aString": 5}', "aString", "5", "a string is wanted, found the number 5"),
        ('{"strings": ["a", {"b": 1}]}', "strings[1]", '{"b"', "a string is wanted, found an object"),
        ('{"someBytes": "a b"}', "someBytes", '"a b"', 'the text itself would be "YSBi"'),
        ('{"small": 5}', "small", "5", "an object (lab.Small) is wanted"),
        ('{"smalls": [{"a": 1}, {"e": [1, 2, true]}]}', "smalls[1].e[2]", "true", "found true"),
        ('{"mapIs": {"1": {"b": 5}}}', "mapIs.1.b", "5", "a string is wanted"),
        ('{"mapIs": {"one": {}}}', "mapIs", '"one"', "an integer (int32) is wanted"),
        ('{"mapSs": 5}', "mapSs", "5", "an object (a map) is wanted"),
        ('{"mapSs": [{"key": "a"}, {"key": 1}]}', "mapSs[1].key", "1", "a string is wanted"),
        ('{"time": "yesterday"}', "time", '"yesterday"', "an RFC 3339 time"),
        ('{"time": "2024-02-30T00:00:00Z"}', "time", '"2024', "a day that exists"),
        ('{"duration": "5"}', "duration", '"5"', "a duration such as 1.5s"),
        ('{"duration": 5}', "duration", "5", "a duration as a string is wanted"),
        ('{"struct": {"a": [1, {"b": 1e999}]}}', "struct.a[1].b", "1e999", "double's range"),
        ('{"list": 5}', "list", "5", "a list is wanted"),
        ('{"any": {"a": 1}}', "any", '{"a"', '"@type" is wanted'),
        ('{"any": {"@type": "x/no.Such"}}', "any", '{"@type"', "no.Such is not known"),
        ('{"any": {"@type": "x/lab.Small", "a": "x"}}', "any.a", '"x"}', "an integer"),
        ('{"any": {"@type": "x/google.protobuf.Duration", "value": "x"}}', "any.value", '"x"}', "a duration"),
        ('{"any": {"@type": "x/google.protobuf.Duration"}}', "any", '{"@type"', '"value" is wanted'),
        ('{"wLongs": ["1", "x"]}', "wLongs[1]", '"x"', "an integer (int64)"),
        ('{"mask": 5}', "mask", "5", "an object (google.protobuf.FieldMask)"),
    ],
)
def test_a_value_that_does_not_fit_is_pointed_at(text: str, path: str, at: str, words: str) -> None:
    error = refused(text)
    assert error.path == path
    assert error.offset == text.index(at)
    assert words in str(error)
    assert str(error).startswith(f"{path}: ")
    assert str(error).endswith(f"(offset {error.offset})")


def test_an_unknown_field_is_pointed_at_and_its_neighbours_are_named() -> None:
    error = refused('{"small": {"a": 1, "aa": 2}, "child": {"aStrin": "x"}}')
    assert (error.path, error.offset) == ("small", 19)
    assert 'lab.Small has no field "aa"; did you mean a?' in str(error)
    error = refused('{"child": {"a_strng": "x"}}')
    assert error.suggestions[0] == "aString"


def test_an_unknown_enum_value_is_pointed_at_and_its_neighbours_are_named() -> None:
    error = refused('{"moods": ["GOOD", "bad_day"]}')
    assert (error.path, error.offset, error.suggestions) == ("moods[1]", 19, ("BAD_DAY",))
    assert 'the enum lab.Mood has no value "bad_day"; did you mean BAD_DAY?' in str(error)


def test_a_place_in_data_of_several_lines_is_a_line_and_a_column() -> None:
    error = refused('{\n  "small": {\n    "a": "x"\n  }\n}')
    assert str(error).endswith("(line 3, column 10)")
    assert error.offset == 24


def test_a_place_is_counted_from_the_start_of_all_the_data() -> None:
    start = Start().after('{"aBool": true}\n')
    error = refused('{"aBool": 1}', start=start)
    assert error.offset == 26
    assert str(error).endswith("(line 2, column 11)")


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("{pickString: x}", 1, "invalid character 'p' looking for beginning of object key string"),
        ("{'aString': 1}", 1, 'invalid character "\'"'),
        ('{"aString": x}', 12, "aString: invalid character 'x' looking for beginning of value"),
        ('{"aString" "x"}', 11, "after object key"),
        ('{"small": {"a": 1 "b": 2}}', 18, "small.a: invalid character"),
        ('{"ints": [1 2]}', 12, "ints[0]: invalid character '2'"),
        ('{"ints": [1,]}', 12, "ints[1]: invalid character ']' looking for beginning of value"),
        ('{"aString": "x",\n }', 18, "invalid character '}' looking for beginning of object key string"),
        ('{"aString": "a\nb"}', 14, "in a string: it must be escaped"),
        ('{"aString": "\\x"}', 13, "in a string's escape code"),
        ('{"aString": "x', 12, "unexpected EOF: the string that begins here does not end"),
        ('{"ints": [1, ', 13, "ints[1]: unexpected EOF: the data ends inside of a message"),
        ('{"aDouble": NaN}', 12, 'NaN is no JSON; as a string, "NaN", it is a number'),
        ('{"s": "NaN", "aDouble": -Infinity}', 24, "-Infinity is no JSON"),
        ('{"aString": "x"} y', 17, "after the message"),
    ],
)
def test_text_that_is_no_json_is_pointed_at(text: str, offset: int, words: str) -> None:
    error = refused(text)
    assert error.offset == offset
    assert words in str(error)


@pytest.mark.parametrize(("text", "kind"), [('{"ints": [1 , ]}', "array"), ('{"aString": "x" ,\n}', "object")])
def test_a_trailing_comma_is_told_alike_on_every_python(text: str, kind: str) -> None:
    since_3_13 = syntax_error(text, f"Illegal trailing comma before end of {kind}", text.index(","), Start())
    assert str(since_3_13) == str(refused(text))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{aString: x}", "the shell took them away"),
        ("{'aString': 'x'}", "the shell took them away"),
        ("@request.json", "-d @ < request.json"),
        ('[{"aBool": true}, {"aBool": false}]', "one after the other, without [ ] and commas"),
    ],
)
def test_what_shells_and_habits_do_to_requests_is_told_with_its_cure(text: str, hint: str) -> None:
    assert hint in str(refused(text))


def test_a_required_field_that_is_missing_is_named() -> None:
    error = refused('{"name": "x"}', "lab.old.Old")
    assert (str(error), error.path) == ("some required fields missing: id", "id")


@pytest.mark.parametrize("name", ["lab.All", "google.protobuf.Value"])
@pytest.mark.parametrize(
    ("begin", "end"), [('{"child":', "}"), ("[", "]"), ('{"any":{"@type":"x/lab.All","child":', "}}")]
)
def test_data_nested_beyond_measure_is_an_error_in_words(name: str, begin: str, end: str) -> None:
    for depth in (3000, 100_000):
        text = begin * depth + "{}" + end * depth
        assert str(refused(text, name))


def test_what_is_quoted_of_the_data_is_short_and_printable() -> None:
    error = refused('{"anInt32": "%s\\ud800\\u0007"}' % ("x" * 100_000))
    assert len(str(error)) < 200
    assert str(refused('{"anInt32": "\\ud800\\u001b"}')).isprintable()


@pytest.mark.parametrize(
    ("text", "path", "at", "words"),
    [
        ("an_int32: x", "an_int32", "x", 'an integer is wanted, found "x"'),
        ("an_int32: 4294967296", "an_int32", "4294967296", "out of its range"),
        ("small < a: 1 nope: 2 >", "small", "nope", 'lab.Small has no field "nope"'),
        ("moods: [GOOD, GOOT]", "moods", "GOOT", "did you mean GOOD?"),
        ("a_string: 5", "a_string", "5", "a string in quotes is wanted"),
        ('a_string: "\\377"', "a_string", '"', "UTF-8"),
        ('a_string: "\\q"', "a_string", '"', "the escape \\q is none"),
        ("a_bool: yes", "a_bool", "yes", "true or false"),
        ("a_bool true", "a_bool", "true", "':' is wanted"),
        ("small: 5", "small", "5", "a message (lab.Small) in < >"),
        ("small < a: 1", "", None, "unexpected EOF: '>' is wanted"),
        ('a_string: "x', "", '"', "does not end"),
        ("any < [x/no.Such] < > >", "any.[x/no.Such]", "[", "no.Such is not known"),
        ("$", "", "$", "invalid character '$'"),
    ],
)
def test_text_format_that_does_not_fit_is_pointed_at(text: str, path: str, at: str | None, words: str) -> None:
    with pytest.raises(RequestError) as told:
        read_text(text, new("lab.All"), TYPES)
    if path:
        assert told.value.path == path
    assert told.value.offset == (text.index(at, 1) if at and len(text) > 1 else 0 if at else len(text))
    assert words in str(told.value)


@pytest.mark.parametrize(("begin", "end"), [("child <", ">"), ("child: {", "}"), ("[", "]")])
def test_text_format_nested_beyond_measure_is_an_error_in_words(begin: str, end: str) -> None:
    for depth in (150, 100_000):
        with pytest.raises(RequestError):
            read_text(f"{begin * depth} nope {end * depth}", new("lab.All"), TYPES)


def test_a_required_field_of_an_edition_is_as_required_as_one_of_proto2() -> None:
    from google.protobuf.descriptor_pb2 import Edition, FeatureSet, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    file = FileDescriptorProto(name="new.proto", package="new", syntax="editions", edition=Edition.EDITION_2023)
    field = file.message_type.add(name="M").field.add(name="must", number=1, type=5, label=1)
    field.options.features.field_presence = FeatureSet.LEGACY_REQUIRED
    modern = DescriptorPool()
    modern.Add(file)
    with pytest.raises(RequestError, match="some required fields missing: must"):
        read_json("{}", GetMessageClass(modern.FindMessageTypeByName("new.M"))(), Types())
