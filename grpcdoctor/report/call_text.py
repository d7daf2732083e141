"""A call in words, for the side that is no result: how it is connected, what was sent and came, how it ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from grpcdoctor.report import clean
from grpcdoctor.report.outline import outline

if TYPE_CHECKING:
    from grpcdoctor.client.call_record import CallRecord
    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.latency import LatencySummary
    from grpcdoctor.client.status import Status

NOTE: Final = "* "
SENT: Final = "> "
RECEIVED: Final = "< "

_STEPS: Final = (("dns_ms", "dns"), ("tcp_ms", "tcp"), ("tls_ms", "tls"), ("http2_ms", "http/2"))
_TYPE: Final = "@type"


def connection_lines(facts: ConnectionFacts) -> list[str]:
    """Where to, over what, how long each step took; with TLS what was agreed and whose certificate it is."""
    steps = [f"{name} {milliseconds(value)}" for field, name in _STEPS if (value := getattr(facts, field)) is not None]
    through = f" through the proxy {facts.proxy}" if facts.proxy else ""
    how = "" if facts.handshake is not None else ", plaintext"
    taken = f" ({', '.join(steps)})" if steps else ""
    lines = [f"{NOTE}connected to {facts.address}{through}: HTTP/{facts.http_version}{how}{taken}"]
    if facts.handshake is not None:
        agreed = facts.handshake
        lines.append(
            f"{NOTE}{agreed.version or 'TLS'} {agreed.cipher or ''}, ALPN {agreed.selected or 'none'}, "
            f"SNI {agreed.server_name or 'none'}"
        )
    if facts.certificates:
        leaf = facts.certificates[0]
        checked = "verified" if facts.handshake is not None and facts.handshake.verified else "not verified"
        names = ", ".join(leaf.names) or "no name"
        lines.append(f"{NOTE}certificate {leaf.subject} for {names}, until {leaf.not_after}, {checked}")
    return [clean.visible(line) for line in lines]


def header_lines(mark: str, headers: Sequence[tuple[str, str]]) -> list[str]:
    return [clean.visible(f"{mark}{name}: {value}") for name, value in headers]


def status_lines(status: Status, message: str, details: Sequence[str]) -> list[str]:
    """`INVALID_ARGUMENT: message`, and the details below it as an outline."""
    first, *rest = (message or "(no message)").split("\n")
    lines = [f"{status.name}: {clean.visible(first)}", *(f"  {clean.visible(line)}" for line in rest)]
    for text in details:
        detail = json.loads(text)
        name = str(detail.pop(_TYPE, "")).rpartition("/")[2]
        lines += [f"  {clean.visible(name)}", *outline(detail, indent=4)]
    return lines


def ending_line(record: CallRecord) -> str:
    """How it ended, how much was sent and received (on the wire), and how long it took."""
    status = record.status.name if record.status is not None else "no status"
    sent, received = record.requests.count, record.responses.count
    first = f"first byte {milliseconds(record.first_byte_ms)}, " if record.first_byte_ms is not None else ""
    return (
        f"{NOTE}{status}: {sent} sent ({size(record.bytes_sent)}), {received} received "
        f"({size(record.bytes_received)}), {first}total {milliseconds(record.total_ms or 0)}"
    )


def latency_lines(summary: LatencySummary) -> list[str]:
    """Of several calls. One call has no distribution."""
    counted = ", ".join(f"{count} {name}" for name, count in summary.statuses)
    lines = [
        f"{summary.calls} calls: {counted}",
        f"latency: min {milliseconds(summary.minimum)}, median {milliseconds(summary.median)}, "
        f"max {milliseconds(summary.maximum)}",
    ]
    if summary.rest_median is not None:
        lines.append(f"the first {milliseconds(summary.first)}, the rest {milliseconds(summary.rest_median)} (median)")
    return lines


def milliseconds(value: float) -> str:
    """With as many digits as it deserves."""
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def size(count: int) -> str:
    if count < 10_000:
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{count / 1024:,.0f} KiB" if count < 10 * 1024 * 1024 else f"{count / 1024 / 1024:,.1f} MiB"
