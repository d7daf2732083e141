"""envoy-stream-idle-timeout: a connection manager with gRPC routes ends streams on which nothing moves."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks.envoy._findings import LISTENER, in_envoy, said
from grpcdoctor.checks.envoy._grpc import Entry, grpc_entries, reason
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD911",
    name="envoy-stream-idle-timeout",
    severity=Severity.INFO,
    title="a stream idle timeout ends quiet gRPC streams",
)
ASKS = ("config_dump",)

_SHORT = 60.0


def check(proxy: Proxy) -> Iterator[Conclusion]:
    """A default that has cut nothing yet is said once, however many listeners have it."""
    mere: list[Entry] = []
    for entry in grpc_entries(proxy):
        allowed = entry.manager.stream_idle_timeout
        cut = proxy.stats.http(entry.manager.stat_prefix, "downstream_rq_idle_timeout")
        short = not allowed.is_default and allowed.seconds is not None and allowed.seconds < _SHORT
        if allowed.is_off:
            continue
        if cut or short:
            yield _finding(entry, cut, 0, Severity.WARNING)
        elif allowed.is_default:
            mere.append(entry)
    if mere:
        yield _finding(mere[0], 0, len(mere) - 1, Severity.INFO)


def _finding(entry: Entry, cut: int, more: int, severity: Severity) -> Conclusion:
    allowed, prefix = entry.manager.stream_idle_timeout, entry.manager.stat_prefix
    name = entry.listener.name
    counters = [said(f"http.{prefix}.downstream_rq_idle_timeout: {cut:,}", "stats")] if cut else []
    return in_envoy(
        RULE,
        LISTENER,
        name,
        f"listener {name}{f' and {more:,} more' if more else ''}: streams that are quiet for {allowed.words} are cut"
        + (f", as {cut:,} were" if cut else ""),
        symptom="A watch with nothing to say for that long is cut: UNAVAILABLE, stream timeout; after "
        "the first message INTERNAL, Received RST_STREAM with error code 2. HTTP/2 pings do not count.",
        evidence=[said(f"{allowed.field}: {allowed.words}", "config_dump"), reason(entry.why), *counters],
        fixes=(Fix("Switch it off, or send a message now and then; a route's idle_timeout overrides it",
                   patch="stream_idle_timeout: 0s"),),
        field=allowed.field,
        severity=severity,
    )  # fmt: skip
