"""Every command line that asks for nothing possible ends with 2 and grpcurl's words, before anything is dialled."""

from __future__ import annotations

import pytest

from tests.cli.environment import Environment

WRONG = {
    "": "Too few arguments.",
    "h:1": "Too few arguments.",
    "h:1 list s more": "Too many arguments.",
    "h:1 s/m -plaintext": "Too many arguments.",
    "list": "No host:port specified, no protoset specified, and no proto sources specified.",
    "-protoset x list -v -v": "Too many arguments.",
    "-connect-timeout -1 h:1 list": "The -connect-timeout argument must not be negative.",
    "-keepalive-time -1 h:1 list": "The -keepalive-time argument must not be negative.",
    "-max-time -1 h:1 list": "The -max-time argument must not be negative.",
    "-max-msg-sz -1 h:1 list": "The -max-msg-sz argument must not be negative.",
    "-plaintext -alts h:1 list": "The -plaintext and -alts arguments are mutually exclusive.",
    "-plaintext -insecure h:1 list": "The -insecure argument can only be used with TLS.",
    "-plaintext -cert x -key y h:1 list": "The -cert argument can only be used with TLS.",
    "-plaintext -key y h:1 list": "The -key argument can only be used with TLS.",
    "-cert x h:1 list": "The -cert and -key arguments must be used together and both be present.",
    "-alts-handshaker-service x h:1 list":
        "The -alts-handshaker-service argument must be used with the -alts argument.",
    "-alts-target-service-account x h:1 list":
        "The -alts-target-service-account argument must be used with the -alts argument.",
    "-format xml h:1 list": "The -format option must be 'json' or 'text'.",
    "-protoset x -proto y h:1 list": "Use either -protoset files or -proto files, but not both.",
    "-use-reflection=false h:1 list": "No protoset files or proto files specified and -use-reflection set to false.",
    "-servername a -authority b h:1 list": "Cannot specify different values for -servername and -authority.",
}  # fmt: skip

WARNED = {
    "-format text -emit-defaults": "The -emit-defaults is only used when using json format.",
    "-d x h:1 list a b": "The -d argument is not used with 'list' or 'describe' verb.",
    "-rpc-header x h:1 list a b": "The -rpc-header argument is not used with 'list' or 'describe' verb.",
    "-protoset x -reflect-header y -proto z list":
        "The -reflect-header argument is not used when -protoset files are used.",
    "-protoset x -import-path y -use-reflection=false -format xml list": None,
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG, ids=str)
def test_a_wrong_command_line_says_so(environment: Environment, line: str) -> None:
    result = environment.run("grpcurl", *line.split())
    assert (result.code, result.out) == (2, "")
    assert result.errors == [WRONG[line], "Try 'grpcdoctor grpcurl -help' for more details."]


@pytest.mark.parametrize("line", WARNED, ids=str)
def test_what_is_not_used_is_warned_of(environment: Environment, line: str) -> None:
    warning = WARNED[line]
    result = environment.run("grpcurl", *line.split())
    assert result.code == 2
    assert [each for each in result.errors if each.startswith("Warning: ")] == (
        [f"Warning: {warning}"] if warning else []
    )


@pytest.mark.parametrize("line", ["-nope h:1 list", "-d", "-max-time x h:1 list"])
def test_a_flag_that_cannot_be_read_is_followed_by_the_usage(environment: Environment, line: str) -> None:
    result = environment.run("grpcurl", *line.split())
    assert (result.code, result.out) == (2, "")
    assert "flag" in result.errors[0]
    assert result.errors[1:3] == ["Usage:", "\tgrpcdoctor grpcurl [flags] [address] [list|describe] [symbol]"]


@pytest.mark.parametrize("line", ["-help", "--help", "-h", "-plaintext -help h:1 list"])
def test_help_shows_every_flag_on_stderr_and_is_no_error(environment: Environment, line: str) -> None:
    from grpcdoctor.cli.grpcurl.flags import ALL

    result = environment.run("grpcurl", *line.split())
    assert (result.code, result.out) == (0, "")
    assert [each.split()[0] for each in result.errors if each.startswith("  -")] == [f"-{name}" for name in sorted(ALL)]
    assert "  -v\tShow" in result.err
    assert "  -max-time float\n    \tSeconds" in result.err


def test_the_version_is_on_stderr_and_names_the_grpcurl_that_it_is_like(environment: Environment) -> None:
    result = environment.run("grpcurl", "-version")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("grpcdoctor grpcurl ")
    assert "grpcurl 1.9.4" in result.err


def test_a_missing_file_is_named_before_anything_is_dialled(environment: Environment) -> None:
    result = environment.run("grpcurl", "-cacert", "/nope", "127.0.0.1:1", "list")
    assert result.code == 1
    assert result.errors[0] == (
        "Failed to create TLS config: could not read ca certificate: open /nope: no such file or directory"
    )
