"""AdminClient: GETs from one Envoy's admin API, over whatever connection it is given; and the snapshot read by it.

Only GET, and only what changes nothing: Envoy's mutators (`/quitquitquit`, `/drain_listeners`) want POST.
"""

from __future__ import annotations

import http.client
import io
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from grpcdoctor.envoy.answers import CERTS, CLUSTERS, CONFIG_DUMP, LISTENERS, READY, SERVER_INFO, STATS, Answers, merged
from grpcdoctor.envoy.recognise import of_json, recognise
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import BlindSpot
from grpcdoctor.wire.deadline import Deadline

Connect = Callable[[float], socket.socket]
"""Opens a connection to the admin port within so many seconds; OSError where it cannot. A port-forward fits in here."""

LARGEST_ANSWER: Final = 256 << 20
SECONDS: Final = 15.0
"""For all questions together."""
_CHUNK: Final = 1 << 16
_SHORTEST: Final = 0.001
"""A time-out of 0 would mean not to wait at all."""
_LONGEST_TEXT: Final = 200

# endpoint -> the paths to ask, the best first: an older Envoy refuses a parameter that it does not know.
_QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    SERVER_INFO: ("/server_info",),
    READY: ("/ready",),
    CONFIG_DUMP: ("/config_dump?include_eds", "/config_dump"),
    CLUSTERS: ("/clusters?format=json", "/clusters"),
    LISTENERS: ("/listeners?format=json", "/listeners"),
    # What was never counted is 0, and would be nine tenths of the answer.
    STATS: ("/stats?format=json&usedonly", "/stats"),
    CERTS: ("/certs",),
}
_WANTED_FOR: Final[Mapping[str, str]] = {
    CONFIG_DUMP: "listeners, routes and clusters",
    CLUSTERS: "the endpoints and their health",
    LISTENERS: "the addresses really listened on",
    STATS: "the counters",
    CERTS: "the certificates",
    SERVER_INFO: "version and state",
    READY: "whether it is ready",
}
_ALSO_ELSEWHERE: Final = frozenset((LISTENERS, READY))
"""What these say is mostly in another answer: without them a verdict still stands."""


class AdminError(Exception):
    """Nothing can be read here; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, whole."""

    status: int
    body: bytes


class _Unanswered(Exception):  # noqa: N818 it is what happened
    """Why one question has no answer."""


class AdminClient:
    """One connection, opened when needed and reused. Close it, or use it in a `with`."""

    def __init__(self, connect: Connect, deadline: Deadline, host: str = "localhost") -> None:
        self._connect = connect
        self._deadline = deadline
        self._host = host
        self._open: http.client.HTTPConnection | None = None
        self._stream: socket.socket | None = None

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._open is not None and self._stream is not None:
            self._open.close()
            self._stream.close()
            self._open = None

    def get(self, path: str) -> Reply:
        """The answer to one GET. Raises OSError or http.client.HTTPException; a reused connection is tried anew."""
        reused = self._open is not None
        try:
            return self._once(path)
        except (OSError, http.client.HTTPException):
            self.close()
            if not reused or self._deadline.expired:
                raise
            return self._once(path)

    def _once(self, path: str) -> Reply:
        connection = self._connection()
        connection.request("GET", path, headers={"Accept": "*/*"})
        response = connection.getresponse()
        parts, size = [], 0
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > LARGEST_ANSWER:
                self.close()
                raise _Unanswered(f"the answer is larger than {LARGEST_ANSWER >> 20} MiB")
            parts.append(chunk)
        if response.length not in (None, 0):
            raise http.client.IncompleteRead(b"")
        if response.will_close:
            self.close()
        return Reply(response.status, b"".join(parts))

    def _connection(self) -> http.client.HTTPConnection:
        if self._open is None:
            connection = http.client.HTTPConnection(self._host)
            self._stream = self._connect(max(self._deadline.remaining, _SHORTEST))
            timed: Any = _Timed(self._stream, self._deadline)
            connection.sock = timed
            connection.auto_open = 0  # never by its own ways
            self._open = connection
        return self._open


class _Timed:
    """A socket as http.client uses one, each of whose steps lasts no longer than what is left of all the time.

    A time-out alone would start anew with every byte of an answer that comes drop by drop.
    """

    def __init__(self, stream: socket.socket, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def sendall(self, data: bytes) -> None:
        self._wait()
        self._stream.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._receive))

    def close(self) -> None:
        """http.client does so before it reads an answer that ends with the connection: the AdminClient closes."""

    def _receive(self, buffer: Any) -> int:
        self._wait()
        return self._stream.recv_into(buffer)

    def _wait(self) -> None:
        if self._deadline.expired:
            raise TimeoutError("the time for it was over")
        self._stream.settimeout(max(self._deadline.remaining, _SHORTEST))


class _Reader(io.RawIOBase):
    """The reading end, as BufferedReader wants it."""

    def __init__(self, receive: Callable[[Any], int]) -> None:
        self._receive = receive

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._receive(buffer)


def connect_to(address: str) -> tuple[Connect, str]:
    """(how to dial it, the Host header) of an admin URL: `http://host:port`, `host:port`, `unix:/path`."""
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        path = path.removeprefix("//") if path.startswith("///") else path
        return _to_unix_socket(path), "localhost"
    word = address.removeprefix("http://")
    word = word.partition("/")[0]
    host, separator, port = word.rpartition(":")
    if not separator or not port.isdigit() or not host or not 0 < int(port) < 65536:
        raise AdminError(f"{address}: not an admin address; write http://HOST:PORT or unix:/PATH")
    name = host.strip("[]")
    return (lambda seconds: socket.create_connection((name, int(port)), timeout=seconds)), word


def _to_unix_socket(path: str) -> Connect:
    def dial(seconds: float) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(seconds)
        try:
            stream.connect(path)
        except OSError:
            stream.close()
            raise
        return stream

    return dial


def read_admin(address: str, seconds: float = SECONDS, endpoints: tuple[str, ...] = tuple(_QUESTIONS)) -> Proxy:
    """The snapshot of the Envoy with this admin URL. AdminError where nobody answers or it is no Envoy."""
    connect, host = connect_to(address)
    return read_over(connect, address, seconds, endpoints, host)


def read_over(
    connect: Connect,
    name: str,
    seconds: float = SECONDS,
    endpoints: tuple[str, ...] = tuple(_QUESTIONS),
    host: str = "localhost",
) -> Proxy:
    """The snapshot of the Envoy whose admin port `connect` reaches. What does not answer is a blind spot."""
    parts: list[Answers] = []
    blind_spots: list[BlindSpot] = []
    with AdminClient(connect, Deadline.after(seconds), host) as client:
        for endpoint in endpoints:
            try:
                parts.append(_ask(client, endpoint))
            except _Unanswered as why:
                blind_spots.append(
                    BlindSpot(
                        f"{_WANTED_FOR[endpoint]} ({name})",
                        f"/{endpoint}: {why}",
                        blocks_verdict=endpoint not in _ALSO_ELSEWHERE,
                    )
                )
    if not any(part.holds for part in parts):
        why_first = blind_spots[0].why.partition(": ")[2] if blind_spots else "it was asked nothing"
        raise AdminError(f"{name}: no Envoy's admin API answers: {why_first}")
    return Proxy(merged(parts), name, blind_spots)


def _ask(client: AdminClient, endpoint: str) -> Answers:
    """What this endpoint says. _Unanswered: why it says nothing that can be used."""
    why = ""
    for path in _QUESTIONS[endpoint]:
        try:
            reply = client.get(path)
        except TimeoutError:
            raise _Unanswered("no answer in time") from None
        except (OSError, http.client.HTTPException) as error:
            raise _Unanswered(_words_of(error)) from None
        found = _read(endpoint, reply)
        if found is not None:
            return found
        why = why or _why_not(reply)
    raise _Unanswered(why)


def _read(endpoint: str, reply: Reply) -> Answers | None:
    """None where it is no answer to that question."""
    if endpoint == READY:
        word = reply.body.decode("ascii", "replace").strip()
        return recognise(word) if reply.status in (200, 503) else None
    if reply.status != 200:
        return None
    content = reply.body.decode("utf-8", "replace")
    if endpoint == STATS and not content.strip():
        return Answers(stats={})
    found = _of_json(content) if content.lstrip()[:1] == "{" else recognise(content)
    if found is None or not found.answered(endpoint):
        return _empty(endpoint, content)
    return found


def _of_json(content: str) -> Answers | None:
    try:
        return of_json(json.loads(content))
    except (ValueError, RecursionError):
        return None


# protobuf leaves an empty list out, so an Envoy without clusters says `{}`.
_EMPTY: Final[Mapping[str, Mapping[str, Any]]] = {
    CLUSTERS: {"clusters": ()},
    LISTENERS: {"listeners": ()},
    CERTS: {"certs": ()},
}


def _empty(endpoint: str, content: str) -> Answers | None:
    nothing = content.strip() == "{}" or (not content.strip() and endpoint == LISTENERS)
    return Answers(**_EMPTY[endpoint]) if nothing and endpoint in _EMPTY else None


def _why_not(reply: Reply) -> str:
    if reply.status != 200:
        words = " ".join(reply.body[: _LONGEST_TEXT * 2].decode("utf-8", "replace").split())[:_LONGEST_TEXT]
        return f"HTTP {reply.status}" + (f": {words}" if words and "<" not in words else "")
    return "the answer is not what an Envoy says"


def _words_of(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut off"
    if isinstance(error, http.client.HTTPException):
        return f"it does not speak HTTP ({type(error).__name__})"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
