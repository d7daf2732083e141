"""`grpcdoctor health -addr …`: grpc_health_probe's command line, with its words, streams and exit codes.

stderr says more where something fails: the stage, and why. Only what is asked for beyond that program goes to stdout.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from grpcdoctor.cli.go_flags import FlagError, HelpWanted
from grpcdoctor.cli.go_words import code_name, duration, quoted
from grpcdoctor.cli.health.exit_codes import HealthExit, exit_code_of
from grpcdoctor.cli.health.probe_flags import ALL, SECOND, ProbeError, ProbeFlags, check, read_probe_flags
from grpcdoctor.cli.terminal import write
from grpcdoctor.version import __version__

if TYPE_CHECKING:
    from grpcdoctor.client.health import ServiceHealth
    from grpcdoctor.client.health_check import HealthQuestion, HealthResult
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.wire.streams import Headers

_NO_SPIFFE: Final = (
    "failed to initialize tls credentials with spiffe. error=grpcdoctor speaks no SPIFFE Workload API; "
    "write the SVID to files (spiffe-helper does) and use -tls with -tls-client-cert, -tls-client-key and -tls-ca-cert"
)


def run_as_probe(words: Sequence[str]) -> int:
    """Raises ReaderGone, Interrupted."""
    try:
        flags, rest = read_probe_flags(words)
        if flags.version:
            write(f"grpcdoctor {__version__}\n")
            return HealthExit.HEALTHY
        check(flags)
    except HelpWanted:
        _log(_usage())
        return HealthExit.USAGE
    except FlagError as wrong:
        _log(f"{wrong}\n{_usage()}")
        return HealthExit.USAGE
    except ProbeError as wrong:
        _log(str(wrong))
        return HealthExit.USAGE
    if rest:
        _log(f"warning: everything from {quoted(rest[0])} on is ignored, as grpc_health_probe does: it is no flag")
    return _carry_out(flags)


def _carry_out(flags: ProbeFlags) -> int:
    from grpcdoctor.cli.grpcurl.address import AddressError

    if flags.v:
        _log(_options_words(flags))
    if flags.spiffe:
        _log("-tls and -spiffe are mutually incompatible" if flags.tls else _NO_SPIFFE)
        return HealthExit.USAGE if flags.tls else HealthExit.NO_SPIFFE
    try:
        if flags.tls:
            from grpcdoctor.cli.health.probe_credentials import check_credentials

            check_credentials(flags)
        options = _channel_options(flags)
    except ProbeError as wrong:
        _log(str(wrong))
        return HealthExit.USAGE
    except AddressError as wrong:
        _log(f"error: failed to connect service at {quoted(flags.addr)}: {wrong}")
        return HealthExit.NOT_CONNECTED
    return _ask(flags, options)


def _ask(flags: ProbeFlags, options: ChannelOptions) -> int:
    from grpcdoctor.cli.running import run_interruptible

    if flags.list or flags.watch or flags.connect_only or flags.output == "json":
        return _ask_beyond(flags, options)
    if flags.v:
        _log("establishing connection")
    return run_interruptible(_examine(flags, options))


async def _examine(flags: ProbeFlags, options: ChannelOptions) -> HealthExit:
    from grpcdoctor.client.health_check import examine, examine_until_healthy

    question = _question(flags)
    if flags.wait:

        def waiting(result: HealthResult) -> None:
            _log(f"waiting: {_outcome(flags, result)}")

        result = await examine_until_healthy(options, question, flags.wait / SECOND, waiting)
    else:
        result = await examine(options, question)
    if flags.v and result.connect_ms is not None:
        _log(f"connection established (took {_took(result.connect_ms)})")
        if result.healthy:
            _log(f"time elapsed: connect={_took(result.connect_ms)} rpc={_took(result.services[0].duration_ms)}")
    _log(_outcome(flags, result))
    if not result.healthy:
        from grpcdoctor.cli.health.causes import say_cause

        await say_cause(options, result, may_probe=False)
    return exit_code_of(result)


def _outcome(flags: ProbeFlags, result: HealthResult) -> str:
    if result.healthy:
        return f"status: {result.services[0].serving or result.services[0].status.name}"
    from grpcdoctor.report import clean

    return clean.line(_complaint(flags, result))  # parts of it are the server's words


def _complaint(flags: ProbeFlags, result: HealthResult) -> str:
    if result.failure is not None:
        why = f"{result.stage}: {result.reason}"
        addr, patience = quoted(flags.addr), duration(flags.connect_timeout)
        if result.failure.timed_out:
            return f"timeout: failed to connect service {addr} within {patience}: {why}"
        return f"error: failed to connect service at {addr}: {why}"
    answered = result.services[0]
    if answered.serving is None:
        return _failed_call(flags, answered)
    return f"service unhealthy (responded with {quoted(answered.serving)})"


def _failed_call(flags: ProbeFlags, answered: ServiceHealth) -> str:
    status = answered.status
    name = code_name(status.code)
    if name == "Unimplemented":
        why = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
        return f"error: {why}: {status.message}"
    if name == "DeadlineExceeded":
        return f"timeout: health rpc did not complete within {duration(flags.rpc_timeout)}"
    return f"error: health rpc failed: rpc error: code = {name} desc = {status.message}"


def _ask_beyond(flags: ProbeFlags, options: ChannelOptions) -> int:
    """What only we can do is printed as we print it."""
    from grpcdoctor.cli.health.running import Order, run
    from grpcdoctor.cli.health.watching import watch
    from grpcdoctor.cli.running import run_interruptible
    from grpcdoctor.cli.terminal import style_of

    wait = flags.wait / SECOND if flags.wait else None
    order = Order([options], _question(flags), style_of(sys.stdout, verbose=flags.v), flags.output == "json", wait)
    return run_interruptible(watch(order) if flags.watch else run(order))


def _question(flags: ProbeFlags) -> HealthQuestion:
    from grpcdoctor.client.health import SERVING
    from grpcdoctor.client.health_check import HealthQuestion

    return HealthQuestion(
        services=(flags.service,),
        list=flags.list,
        connect_only=flags.connect_only,
        expected=flags.expect.upper() or SERVING,
        rpc_seconds=flags.rpc_timeout / SECOND,
        reconnect=True,
        facts=flags.output == "json",
        metadata=_metadata(flags.rpc_header),
        compress="gzip" if flags.gzip else None,
    )


def _channel_options(flags: ProbeFlags) -> ChannelOptions:
    """Raises AddressError."""
    from grpcdoctor.cli.grpcurl.address import read_address
    from grpcdoctor.client.options import ChannelOptions

    return ChannelOptions(
        read_address(flags, flags.addr, without_slashes=("unix", "dns", "passthrough")),
        cacert=flags.tls_ca_cert or None,
        cert=flags.tls_client_cert or None,
        key=flags.tls_client_key or None,
        insecure=flags.tls_no_verify,
        connect_timeout=flags.connect_timeout / SECOND,
        user_agent=flags.user_agent,
        alts=flags.alts,
    )


def _metadata(words: Sequence[str]) -> Headers:
    """Split at the first colon; only what stands before the value is trimmed. Binary values travel as base64."""
    pairs = []
    for word in words:
        name, _, value = word.partition(":")
        name, value = name.lower(), value.lstrip()
        if name.endswith("-bin"):
            import base64

            value = base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
        pairs.append((name, value))
    return tuple(pairs)


def _options_words(flags: ProbeFlags) -> str:
    """What -v says of the command line; of metadata the names alone, for the values may be secrets."""
    lines = [
        "parsed options:",
        f"> addr={flags.addr} conn_timeout={duration(flags.connect_timeout)} rpc_timeout={duration(flags.rpc_timeout)}",
    ]
    if flags.rpc_header:
        lines.append(f"> headers: {', '.join(word.partition(':')[0] for word in flags.rpc_header)}")
    lines.append(f"> tls={str(flags.tls).lower()}")
    if flags.tls:
        lines += [
            f"  > no-verify={str(flags.tls_no_verify).lower()} ",
            f"  > ca-cert={flags.tls_ca_cert}",
            f"  > client-cert={flags.tls_client_cert}",
            f"  > client-key={flags.tls_client_key}",
            f"  > server-name={flags.tls_server_name}",
        ]
    return "\n".join([*lines, f"> alts={str(flags.alts).lower()}", f"> spiffe={str(flags.spiffe).lower()}"])


def _usage() -> str:
    lines = ["Usage of grpcdoctor health -addr HOST:PORT:"]
    for flag in ALL.values():
        lines.append(f"  -{flag.name} {flag.kind.value}".rstrip() + f"\n    \t{flag.usage}")
    return "\n".join(lines)


def _took(milliseconds: float) -> str:
    return duration(round(milliseconds * 1_000_000))


def _log(text: str) -> None:
    """To stderr, as everything that grpc_health_probe says."""
    write(text + "\n", sys.stderr)
