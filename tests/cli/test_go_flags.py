"""Command lines are read as Go's flag package reads them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from grpcdoctor.cli.go_flags import Flag, FlagError, HelpWanted, Kind, parse

FLAGS = {
    flag.name: flag
    for flag in (
        Flag("b", Kind.BOOL, ""),
        Flag("s", Kind.STRING, ""),
        Flag("n", Kind.INT, ""),
        Flag("f", Kind.FLOAT, ""),
        Flag("m", Kind.STRINGS, ""),
        Flag("t", Kind.DURATION, ""),
        Flag("own", Kind.BOOL, "", strconv_errors=True),
    )
}


def read(line: str) -> tuple[dict[str, Any], list[str]]:
    return parse(FLAGS, line.split())


@pytest.mark.parametrize(
    ("line", "values", "rest"),
    [
        ("-b -s x rest", {"b": True, "s": "x"}, ["rest"]),
        ("--b --s=x=y", {"b": True, "s": "x=y"}, []),
        ("-b false", {"b": True}, ["false"]),
        ("-b=F -own=0", {"b": False, "own": False}, []),
        ("-s= -s -b", {"s": "-b"}, []),
        ("-m 1 -m=2", {"m": ["1", "2"]}, []),
        ("address -b", {}, ["address", "-b"]),
        ("-b -- -s x", {"b": True}, ["-s", "x"]),
        ("- -b", {}, ["-", "-b"]),
        ("-n 0x10 -f 1e3", {"n": 16, "f": 1000.0}, []),
        ("-n -0b11", {"n": -3}, []),
        ("-n 010", {"n": 8}, []),
        ("-n 1_000 -f 1_0.5", {"n": 1000, "f": 10.5}, []),
        ("-f 0x1p-2 -n +5", {"f": 0.25, "n": 5}, []),
        ("-f +Inf", {"f": math.inf}, []),
        ("-n 503 -f .5", {"n": 503, "f": 0.5}, []),
        ("-t 1m1.5s", {"t": 61_500_000_000}, []),
        ("-t 250ms", {"t": 250_000_000}, []),
        ("-t -1h2us3ns", {"t": -3_600_000_002_003}, []),
        ("-t .5s -t=1.s", {"t": 1_000_000_000}, []),
        ("-t 0", {"t": 0}, []),
    ],
)
def test_flags_end_at_the_first_other_word(line: str, values: dict[str, Any], rest: list[str]) -> None:
    assert read(line) == (values, rest)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-nope", "flag provided but not defined: -nope"),
        ("--nope=1", "flag provided but not defined: -nope"),
        ("-s", "flag needs an argument: -s"),
        ("---b", "bad flag syntax: ---b"),
        ("-=x", "bad flag syntax: -=x"),
        ("-b=maybe", 'invalid boolean value "maybe" for -b: parse error'),
        ("-b=", 'invalid boolean value "" for -b: parse error'),
        ("-own=maybe", 'invalid boolean value "maybe" for -own: strconv.ParseBool: parsing "maybe": invalid syntax'),
        ("-n 1.5", 'invalid value "1.5" for flag -n: parse error'),
        ("-n 09", 'invalid value "09" for flag -n: parse error'),
        ("-n 9223372036854775808", 'invalid value "9223372036854775808" for flag -n: value out of range'),
        ("-n ٣", 'invalid value "٣" for flag -n: parse error'),
        ("-t 1", 'invalid value "1" for flag -t: parse error'),
        ("-t 1d", 'invalid value "1d" for flag -t: parse error'),
        ("-t 3000000h", 'invalid value "3000000h" for flag -t: parse error'),
        ("-f 1,5", 'invalid value "1,5" for flag -f: parse error'),
        ("-f 0x1", 'invalid value "0x1" for flag -f: parse error'),
        ("-f 1e999", 'invalid value "1e999" for flag -f: value out of range'),
        ("-f 0x1p9999", 'invalid value "0x1p9999" for flag -f: value out of range'),
    ],
)
def test_what_cannot_be_read_is_told_in_gos_words(line: str, words: str) -> None:
    with pytest.raises(FlagError) as raised:
        read(line)
    assert str(raised.value) == words


@pytest.mark.parametrize("line", ["-h", "-help", "-b --h"])
def test_help_is_there_though_nobody_defined_it(line: str) -> None:
    with pytest.raises(HelpWanted):
        read(line)
