"""Messages of a log are counted by what they are; numbers in them make no difference, and memory is bounded."""

from __future__ import annotations

from grpcdoctor.texts import messages as module
from grpcdoctor.texts.messages import Messages

PREFACE = 'connection error: desc = "error reading server preface: EOF"'


def read(*lines: str) -> Messages:
    messages = Messages()
    for line in lines:
        messages.add(line)
    messages.end()
    return messages


def test_messages_that_differ_in_numbers_are_one() -> None:
    messages = read(*(f"2026-11-25T03:00:0{n}Z worker {n}: {PREFACE}" for n in range(9)))
    (message,) = messages.groups.values()
    assert (message.count, message.first, message.last) == (9, "2026-11-25T03:00:00Z", "2026-11-25T03:00:08Z")


def test_a_stack_trace_is_one_message() -> None:
    messages = read(
        "io.grpc.StatusRuntimeException: UNAVAILABLE: io exception",
        "\tat io.grpc.Status.asRuntimeException(Status.java:539)",
        "Caused by: java.net.ConnectException: Connection refused: /10.0.0.1:50051",
        "INFO another line",
    )
    (message,) = messages.groups.values()
    assert message.facts.suspects[0].rule in ("tcp-refused", "upstream-unreachable")
    assert "Caused by" in message.example


def test_lines_that_tell_of_no_fault_leave_nothing() -> None:
    assert read("INFO server started on port 50051", "GET /healthz 200", "").groups == {}


def test_the_kinds_that_are_kept_are_bounded() -> None:
    messages = Messages()
    for number in range(module.MOST_TEMPLATES + 50):
        word = "".join(chr(97 + (number // 26**place) % 26) for place in range(4))
        messages.add(f"nothing wrong with {word}")
    messages.end()
    assert len(messages._templates) == module.MOST_TEMPLATES
    assert messages.overlooked == 50


def test_a_line_without_end_is_cut() -> None:
    messages = read(PREFACE + "x" * 1_000_000)
    (message,) = messages.groups.values()
    assert len(message.example) <= 8_000


def test_what_a_program_says_at_its_debug_level_is_no_fault() -> None:
    messages = read(
        "FINE: Unable to apply census stats",
        "java.lang.ClassNotFoundException: io.grpc.census.InternalCensusStatsAccessor",
        "\tat java.base/java.lang.Class.forName0(Native Method)",
        f"2026-11-25 03:00:00 DEBUG transport {PREFACE}",
    )
    assert messages.groups == {}
