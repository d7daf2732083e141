"""What a port speaks in place of HTTP/2, and where an HTTP/1.x answer sends its client."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from grpcdoctor.model.facts.http2 import FirstBytes, H2cFacts, Http1Answer, Http1Facts, Http2Facts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import Target, join_host_port

REDIRECTS: Final = (301, 302, 303, 307, 308)

# First line of a banner -> whose it is. MySQL and AMQP come first in hexadecimal, see _HEX_BANNERS.
_TEXT_BANNERS: Final = (
    (re.compile(r"^SSH-\d"), "an SSH server"),
    (re.compile(r"^220[ -].*SMTP", re.IGNORECASE), "a mail server (SMTP)"),
    (re.compile(r"^220[ -]"), "an FTP or mail server"),
    (re.compile(r"^\* OK"), "a mail server (IMAP)"),
    (re.compile(r"^\+OK"), "a mail server (POP3)"),
    (re.compile(r"^-(ERR|DENIED|NOAUTH)\b"), "a Redis server"),
    (re.compile(r"^RFB \d"), "a VNC server"),
    (re.compile(r"^AMQP"), "an AMQP broker such as RabbitMQ"),
    (re.compile(r"^(ERROR|CLIENT_ERROR)\b"), "a line protocol such as memcached's"),
)
_HEX_BANNERS: Final = (
    (re.compile(r"^414d5150"), "an AMQP broker such as RabbitMQ"),
    # MySQL protocol 10: three bytes of length, sequence 0, version 0x0a, then a version string.
    (re.compile(r"^[0-9a-f]{6}000a[23]"), "a MySQL or MariaDB server"),
    (re.compile(r"^45[0-9a-f]{8}(53|4d)"), "a PostgreSQL server"),
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the working connection speaks, with the HTTP/1.x answer where there is one."""

    first: FirstBytes
    over_tls: bool
    http1: Http1Answer | None
    request: str
    """What the HTTP/1.x answer is the answer to."""


def spoken(run: Run) -> Spoken | None:
    """The first bytes of the connection that the run went on with; None where none was made."""
    http2, h2c, plain = run.get(Http2Facts), run.get(H2cFacts), run.get(Http1Facts)
    if http2 is not None and http2.first is not None:
        first, over_tls = http2.first, http2.transport == "tls"
    elif h2c is not None and h2c.first is not None:
        first, over_tls = h2c.first, False
    elif plain is not None and plain.first is not None:
        first, over_tls = plain.first, plain.transport == "tls"
    else:
        return None
    if plain is not None and plain.answer is not None:
        return Spoken(first, over_tls, plain.answer, plain.request or "GET / HTTP/1.1")
    answer = h2c.http1 if h2c is not None else None
    return Spoken(first, over_tls, answer, "the HTTP/2 preface")


def plaintext_is_tls(run: Run) -> bool:
    """Plaintext was asked and TLS is what works: `plaintext-expected-tls-found` says so."""
    tls = run.get(TlsFacts)
    return tls is not None and not tls.asked and tls.completed


def whose_banner(first: FirstBytes) -> str | None:
    """`an SSH server`, `a MySQL or MariaDB server` …, or None where the bytes are not known."""
    if first.spoken == "ssh":
        return "an SSH server"
    text = first.text or ""
    known = next((name for pattern, name in _TEXT_BANNERS if pattern.search(text)), None)
    return known or next((name for pattern, name in _HEX_BANNERS if pattern.search(first.data)), None)


def leads_elsewhere(answer: Http1Answer, target: Target) -> bool:
    """A redirect to another scheme, host or port. A login page on the same origin is no gRPC entrance elsewhere."""
    location = answer.header("location")
    if answer.status not in REDIRECTS or not location:
        return False
    parts = split_location(location)
    if parts is None or not parts.scheme or not parts.netloc:
        return False
    return parts.scheme != "http" or grpc_target_of(location) != f"grpc://{join_host_port(target.host, target.port)}"


def grpc_target_of(location: str) -> str | None:
    """The endpoint behind a Location header as grpcdoctor reads it: `grpcs://grpc.example.com:443`."""
    parts = split_location(location)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    secure = parts.scheme == "https"
    return f"{'grpcs' if secure else 'grpc'}://{join_host_port(parts.hostname, parts.port or (443 if secure else 80))}"


def split_location(location: str) -> SplitResult | None:
    """None where a peer sends something that is no URL."""
    try:
        parts = urlsplit(location)
        _ = parts.port
    except ValueError:
        return None
    return parts
