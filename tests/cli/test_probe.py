"""`grpcdoctor probe`: what it prints, what it returns, what it passes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from grpcdoctor.model.redact import redact, secrets_of
from grpcdoctor.report.formats import format_names
from grpcdoctor.report.json import schema
from tests.cli.environment import Environment, Terminal
from tests.report import samples

VALIDATOR = Draft202012Validator(schema())


@pytest.mark.parametrize(
    ("sample", "fail_on", "code"),
    [
        (samples.healthy, "error", 0),
        (samples.broken, "error", 1),
        (samples.broken, "warning", 1),
        (samples.broken, "never", 0),
        (samples.degraded, "error", 0),
        (samples.degraded, "warning", 1),
        (samples.inconclusive, "error", 3),
        (samples.inconclusive, "warning", 3),
        (samples.inconclusive, "never", 0),
    ],
)
def test_the_exit_code_never_lies(env: Environment, sample: type, fail_on: str, code: int) -> None:
    env.answer(sample())
    assert env.run("probe", "h", "--fail-on", fail_on).code == code


@pytest.mark.parametrize(
    ("names", "code"),
    [("healthy healthy", 0), ("healthy inconclusive", 3), ("inconclusive broken", 1), ("broken inconclusive", 1)],
)
def test_of_several_targets_the_worst_decides(env: Environment, names: str, code: int) -> None:
    env.answer(*(getattr(samples, name)() for name in names.split()))
    assert env.run("probe", "a", "b").code == code


def test_results_go_to_stdout_and_nothing_to_stderr(env: Environment) -> None:
    env.answer(samples.broken())
    result = env.run("probe", "grpc.example.com")
    assert result.out.startswith("✗ grpc.example.com:443  BROKEN")
    assert result.err == ""


def test_colour_only_on_a_terminal_and_never_against_the_users_wish(env: Environment) -> None:
    def coloured(*more: str) -> bool:
        env.answer(samples.broken())
        return "\x1b" in env.run("probe", "h", *more).out

    assert not coloured()
    env.out = Terminal
    assert coloured()
    assert not coloured("--no-color")
    env.patch.setenv("TERM", "dumb")
    assert not coloured()
    env.patch.delenv("TERM")
    env.patch.setenv("NO_COLOR", "1")
    assert not coloured()


@pytest.mark.parametrize(("columns", "widest"), [("40", 40), ("80", 80), ("120", 120), ("400", 120)])
def test_the_width_is_the_terminals_and_never_more_than_can_be_read(
    env: Environment, columns: str, widest: int
) -> None:
    env.patch.setenv("COLUMNS", columns)
    env.answer(samples.inconclusive())
    lines = env.run("probe", "grpc.example.com").out.split("\n")
    assert max(len(line) for line in lines if "grpcdoctor probe" not in line) <= widest
    assert len(lines[0]) == widest or widest == 40


def test_json_of_one_target_is_one_object_and_of_several_a_line_each(env: Environment) -> None:
    env.answer(samples.broken())
    VALIDATOR.validate(json.loads(env.run("probe", "-o", "json", "h").out))
    env.answer(samples.broken(), samples.healthy())
    lines = env.run("probe", "-o", "json", "b", "a").out.splitlines()
    reports = [json.loads(line) for line in lines]
    assert [report["target"]["host"] for report in reports] == ["b", "a"]
    for report in reports:
        VALIDATOR.validate(report)


def test_a_targets_file_gives_lines_even_when_it_names_just_one(env: Environment, tmp_path: Path) -> None:
    path = tmp_path / "targets"
    path.write_text("# mine\n\n  h:1  # the only one\n")
    env.answer(samples.healthy())
    result = env.run("probe", "-o", "json", "--targets", str(path))
    assert result.out.count("\n") == 1
    assert env.probed[0][0].endpoint == "h:1"


def test_targets_come_from_arguments_then_from_standard_input(env: Environment) -> None:
    env.answer(*(samples.healthy() for _ in range(3)))
    result = env.run("probe", "a", "--targets", "-", stdin="b:2\n#no\nunix:/c\n")
    assert [target.endpoint for target, _ in env.probed] == ["a:443", "b:2", "unix:/c"]
    assert "3 targets: 3 healthy" in result.out


def test_many_targets_in_markdown_are_a_table(env: Environment) -> None:
    env.answer(samples.healthy(), samples.broken())
    assert env.run("probe", "-o", "markdown", "a", "b").out.startswith("| | Endpoint |")


def test_options_reach_the_engine(env: Environment) -> None:
    env.answer(samples.healthy())
    env.run(
        *("probe", "h", "--authority", "a:1", "--servername", "s", "--connect-to", "[::1]:9", "--timeout", "500ms"),
        *(
            "-H",
            "X-Tenant: acme ",
            "-H",
            "trace-bin: 3q2+7w==",
            "--call",
            "/p.S.M",
            "--data",
            '{"a": 1}',
            "--count",
            "3",
        ),
        *("--second-opinion", "--no-proxy", "--insecure"),
    )
    [(target, options)] = env.probed
    assert (target.authority, target.server_name, target.connect_to) == ("a:1", "s", ("::1", 9))
    assert options.timeout == 0.5
    assert options.headers == (("x-tenant", "acme"), ("trace-bin", "3q2+7w"))
    assert (options.call, options.data, options.count) == ("p.S/M", '{"a": 1}', 3)
    assert (options.second_opinion, options.use_proxy, options.insecure) == (True, False, True)


def test_without_options_the_engine_decides(env: Environment) -> None:
    env.answer(samples.healthy())
    env.run("probe", "h")
    [(target, options)] = env.probed
    assert (target.tls, target.port, target.connect_to) == (True, 443, None)
    assert (options.timeout, options.second_opinion, options.use_proxy, options.trace) == (10.0, None, True, False)


def test_data_comes_from_a_file_or_standard_input(env: Environment, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text("[1]")
    env.answer(samples.healthy(), samples.healthy())
    env.run("probe", "h", "--call", "S/M", "--data", f"@{tmp_path / 'd.json'}")
    env.run("probe", "h", "--call", "S/M", "--data", "-", stdin="{}")
    assert [options.data for _, options in env.probed] == ["[1]", "{}"]


def test_a_trace_goes_to_stderr(env: Environment) -> None:
    env.answer(samples.healthy())
    result = env.run("probe", "h", "--trace")
    assert "→ HEADERS" in result.err
    assert "→ HEADERS" not in result.out
    assert env.probed[0][1].trace


def test_the_trace_of_many_targets_is_told_target_by_target(env: Environment) -> None:
    env.answer(*(replace(samples.healthy(), trace=(samples.frame(),)) for _ in range(2)))
    result = env.run("probe", "a", "b", "--trace")
    assert [line for line in result.errors if not line.startswith(" ")] == ["a:443:", "b:443:"]


def test_a_saved_run_is_replayed_without_a_network(env: Environment, tmp_path: Path) -> None:
    path = str(tmp_path / "run.json")
    first = env.run("probe", "127.0.0.1:1", "--timeout", "3", "--no-second-opinion", "--save", path)
    assert first.code == 1
    env.answer()  # the engine would fail
    again = env.run("probe", "--replay", path)
    assert again.code == 1
    assert again.out.split("\n")[0] == first.out.split("\n")[0]
    VALIDATOR.validate(json.loads(env.run("probe", "--replay", path, "-o", "json").out))


@pytest.mark.parametrize("name", [*format_names(), "text -v", "text --trace"])
def test_a_secret_given_as_a_header_never_shows(env: Environment, name: str) -> None:
    secret = "s3cr3t-t0ken-value"
    secrets = secrets_of((("authorization", f"Bearer {secret}"),))
    env.answer(redact(samples.likely(), secrets))
    result = env.run("probe", "h", "-H", f"authorization: Bearer {secret}", "-o", *name.split())
    assert secret not in result.out + result.err
    assert env.probed[0][1].headers == (("authorization", f"Bearer {secret}"),)


def test_a_peer_that_echoes_the_secret_does_not_make_it_show(env: Environment, tmp_path: Path) -> None:
    secret = "s3cr3t-t0ken-value"
    path = tmp_path / "run.json"
    result = env.run(
        "probe", "127.0.0.1:1", "-v", "--no-second-opinion", "-H", f"authorization: {secret}", "--save", str(path)
    )
    assert secret not in result.out + result.err + path.read_text()


def test_a_reader_that_goes_away_ends_the_run_in_silence(env: Environment) -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    env.answer(samples.healthy())
    env.out = Gone
    result = env.run("probe", "h")
    assert (result.code, result.err) == (141, "")
