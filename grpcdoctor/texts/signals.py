"""The plain values in a text that several signatures share: statuses, codes, flags, times, names, versions.

They are said to the reader, fill the commands to run next, and shift the odds (clues.yaml).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.model.codes import GrpcStatus, Http2Error, name_of

HTTP_OK: Final = 200
_STATUS_NAMES: Final = {status.name.replace("_", ""): status for status in GrpcStatus}
_STATUS_NAMES["CANCELED"] = GrpcStatus.CANCELLED

_STATUS: Final = (
    re.compile(r"\bcode ?[=:] ?\"?([A-Za-z_]{2,20})\b"),
    re.compile(r"\bStatusCode(?:\.|\.?=\"?)([A-Za-z_]{2,20})"),
    re.compile(r"\b(?:Error: ?)?(\d{1,2}) ([A-Z][A-Z_]{5,20}):"),
    re.compile(r"\bStatus(?:Runtime)?Exception: ([A-Z_]{2,20})\b"),
    re.compile(r"\bstatus: ?\"?([A-Z][A-Za-z_]{4,20})\b"),
    re.compile(r"\bcodeName: ([A-Z_]{2,20})"),
    re.compile(r"\bCode: ([A-Z][A-Za-z]{4,20})\b"),
)
_STATUS_NUMBER: Final = re.compile(
    r"\b(?:grpc[-_ ]?status\"?[:= ]{1,4}\"?|code = |\(code: |\"code\": ?)(\d{1,2})\b", re.IGNORECASE
)
_BARE_STATUS: Final = re.compile(r"\b(UNAVAILABLE|DEADLINE_EXCEEDED|UNIMPLEMENTED|RESOURCE_EXHAUSTED|UNAUTHENTICATED|"
                                 r"PERMISSION_DENIED|INTERNAL|CANCELLED|UNKNOWN)\b: ")  # fmt: skip
_HTTP: Final = re.compile(
    r"(?:HTTP status(?: code)?|http2 header with status|status code(?: received from server)?|:status|"
    r"response[_ ]code|responseStatus|HTTP/[12](?:\.[01])?\"?)[\"':=\s]{1,4}([1-5]\d\d)\b",
    re.IGNORECASE,
)
_RESET: Final = re.compile(
    r"(?:RST_STREAM|reset the stream|not closed cleanly|stream error|error code:?|HTTP/2 error code|ErrCode=|with code)"
    r"[^\n]{0,40}?(?<![/.\w-])(0x[0-9a-f]{1,2}|\d{1,2}|[A-Z][A-Z0-9]{0,20}(?:_[A-Z0-9]{1,20}){1,4}|CANCEL)\b",
    re.IGNORECASE,
)
_FLAGS: Final = re.compile(
    r"(?:\" |response_flags\"?[:= ]{1,4}\"?)(?:\d{1,3} )?"
    r"((?:UH|UF|UO|NR|URX|NC|DT|DC|LH|UT|LR|UR|UC|DI|FI|RL|UAEX|RLSE|IH|SI|DPE|UPE|UMSDR|RFCF|NFCF|OM|DF|DO|DR|UDO)(?:,[A-Z]{2,5})*)[\s\",]"
)
_UPSTREAM: Final = re.compile(r"\b(outbound|inbound)\|(\d{0,5})\|([\w.-]{0,63})\|([\w.*-]{0,253})")
_ELAPSED: Final = (
    re.compile(r"\bafter (?:about |~|exactly )?(\d{1,9}(?:\.\d{1,9})?) ?(ms|s|sec|seconds?|m|min|minutes?|h|hours?)\b"),
    re.compile(r"\bexceeded after (\d{1,9}(?:\.\d{1,9})?)(s)\b"),
    re.compile(r"\b(?:duration|elapsed|latency)\"?[:= ]{1,4}\"?(\d{1,9}(?:\.\d{1,9})?) ?(ms|s|seconds?)?\b"),
    re.compile(r"\b(?:every|exactly|for) (\d{1,9}) ?(s|sec|seconds?|m|min|minutes?|h|hours?)\b"),
    re.compile(r"\b(\d{1,9})[ -](seconds?|minutes?|hours?|min)\b(?: (?:idle|of inactivity|timeout|later))"),
)
# A status without a word: no gRPC server does that, but Envoy does where it has no route, no cluster, or a redirect.
_EMPTY_MESSAGE: Final = re.compile(
    r"(?:\bdesc = ?(?:failed to query for service descriptor \"[^\"]*\": ?)?(?=$|[\"'] ?$)|"
    r"\bdetails = \"\"|\bDetail=\"\"|"
    r"\bmessage: \"\"|\bMessage: ?$|\b\d{1,2} [A-Z_]{5,20}: ?(?=$|at )|"
    r"\bStatus(?:Runtime)?Exception: [A-Z_]{5,20}(?= ?$| at ))"
)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_VERSION: Final = re.compile(
    r"\b(?P<program>envoy|istio|grpc-go|grpc-java-netty|grpc-java|grpc-node-js|grpc-js|grpc-python|grpc-c\+\+|grpc-ruby|"
    r"grpc-dotnet|tonic|grpcurl|nginx|grpc-swift|grpc-dart)[/ ]v?(?P<version>\d{1,4}\.\d{1,4}(?:\.\d{1,4})?)",
    re.IGNORECASE,
)
_METHOD: Final = re.compile(r"(?<![\w.])/?((?:[a-zA-Z_]\w{0,80}\.){1,12}[A-Z]\w{0,120}/[A-Z]\w{0,120})")
# Every length here is bounded: a text may be made to be slow.
_HOST: Final = r"(?:\[[0-9a-f:]{2,45}\]|[\w.-]{1,253})"
_HOST_AND_PORT: Final = rf"({_HOST}:\d{{1,5}})\b"
_TARGETS: Final = (
    re.compile(rf"dial(?:ing)? (?:tcp|target host)\s+\"?(?:lookup )?{_HOST_AND_PORT}"),
    re.compile(
        r"(?:addr|target|authority|host|remote_addr|endpoint|address)[\"':= ]{1,4}"
        r"((?:\[[0-9a-f:]{2,45}\]|[a-zA-Z0-9][\w.-]{0,252}):\d{1,5})\b",
        re.IGNORECASE,
    ),
    re.compile(rf"(?:ipv4:|ipv6:|dns:/{{0,3}}|passthrough:/{{0,3}}|remote address:){_HOST_AND_PORT}"),
    re.compile(rf"connect(?:ing|ion)? (?:to |ECONNREFUSED ){_HOST_AND_PORT}"),
    re.compile(r"(?:ECONNREFUSED|[Cc]onnection refused:?) /?([\w.-]{0,253}/?[\w.-]{1,253}:\d{1,5})\b"),
    re.compile(rf"grpcs?://({_HOST}(?::\d{{1,5}})?)"),
    re.compile(rf"https?://({_HOST}(?::\d{{1,5}})?)"),
    re.compile(
        r"\b((?:[a-z0-9-]{1,63}\.){1,10}"
        r"(?:svc(?:\.cluster\.local)?|internal|local|com|net|org|io|dev|cloud|app):\d{2,5})\b"
    ),
    re.compile(rf"(?:grpcurl|ghz|evans|probe)(?: -[\w-]{{1,40}}(?:[ =][^\s-]\S{{0,120}})?){{0,8}}? {_HOST_AND_PORT}"),
    re.compile(r"\b(\d{1,3}(?:\.\d{1,3}){3}:\d{2,5})\b"),
)
# Documentation, code hosting and the like: in a stack trace they are never the endpoint.
_NO_TARGET: Final = re.compile(
    r"(?:^|\.)(github\.com|connectrpc\.com|golang\.org|grpc\.io|w3\.org|schemas\.|googleapis/|readthedocs|docs\.|"
    r"envoyproxy\.io|example\.invalid|microsoft\.com|mozilla\.org|aka\.ms|spring\.io|apache\.org|nodejs\.org)"
)


@dataclass(frozen=True, slots=True)
class Signals:
    """What stands in the text, None or empty where it does not."""

    grpc_status: GrpcStatus | None = None
    http_status: int | None = None
    http2_error: Http2Error | None = None
    flags: tuple[str, ...] = ()
    elapsed_seconds: tuple[float, ...] = ()
    upstream: tuple[str, str, str, str] | None = None
    """Direction, port, subset and host of Envoy's cluster name `outbound|50051||svc.ns.svc.cluster.local`."""
    method: str | None = None
    target: str | None = None
    versions: tuple[tuple[str, str], ...] = ()
    empty_message: bool = False
    """The status came without a message."""

    def said(self) -> Iterator[tuple[str, str]]:
        """(name, value) of each, for the report."""
        values: tuple[tuple[str, str | None], ...] = (
            ("grpc_status", None if self.grpc_status is None else self.grpc_status.name),
            ("message", "empty" if self.empty_message else None),
            ("http_status", str(self.http_status) if self.http_status else None),
            ("http2_error", None if self.http2_error is None else name_of(Http2Error, self.http2_error)),
            ("flags", ",".join(self.flags)),
            ("elapsed", ", ".join(f"{value:g} s" for value in self.elapsed_seconds)),
            ("upstream", "|".join(self.upstream) if self.upstream else None),
            ("method", self.method),
            ("target", self.target),
            ("versions", ", ".join(f"{program} {version}" for program, version in self.versions)),
        )
        return ((name, value) for name, value in values if value)

    @property
    def service(self) -> tuple[str, str] | None:
        """(namespace, name) of the Service that the upstream cluster or the target names."""
        host = self.upstream[3] if self.upstream else (self.target or "").rpartition(":")[0]
        parts = host.split(".")
        return (parts[1], parts[0]) if len(parts) >= 3 and parts[2] == "svc" else None


def signals_in(flat: str) -> Signals:
    """`flat`: a text on one line, in its own case."""
    upstream = _UPSTREAM.search(flat)
    flags = _FLAGS.search(flat)
    method = _METHOD.search(flat)
    http = [int(found) for found in _HTTP.findall(flat)]
    return Signals(
        grpc_status=_grpc_status(flat),
        http_status=next((status for status in http if status != HTTP_OK), http[0] if http else None),
        http2_error=_http2_error(flat),
        flags=tuple(flags[1].split(",")) if flags else (),
        elapsed_seconds=tuple(dict.fromkeys(_elapsed(flat)))[:4],
        upstream=(upstream[1], upstream[2], upstream[3], upstream[4]) if upstream else None,
        method=method[1] if method else None,
        target=_target(flat, upstream),
        empty_message=_EMPTY_MESSAGE.search(flat) is not None,
        versions=tuple(dict.fromkeys((v["program"].lower(), v["version"]) for v in _VERSION.finditer(flat)))[:4],
    )


def _grpc_status(flat: str) -> GrpcStatus | None:
    for pattern in _STATUS:
        for found in pattern.finditer(flat):
            status = _STATUS_NAMES.get(found[found.re.groups].replace("_", "").upper())
            if status is not None:
                return status
    number = _STATUS_NUMBER.search(flat)
    if number and int(number[1]) in set(GrpcStatus):
        return GrpcStatus(int(number[1]))
    bare = _BARE_STATUS.search(flat)
    return GrpcStatus[bare[1]] if bare else None


def _http2_error(flat: str) -> Http2Error | None:
    for found in _RESET.finditer(flat):
        word = found[1].upper()
        if word in Http2Error.__members__:
            return Http2Error[word]
        read: Callable[[str], int] = (lambda text: int(text, 16)) if word.startswith("0X") else int
        if word[0].isdigit() and read(word) in set(Http2Error):
            return Http2Error(read(word))
    return None


def _elapsed(flat: str) -> Iterator[float]:
    for pattern in _ELAPSED:
        for found in pattern.finditer(flat):
            unit = found[2] or "ms"  # Envoy's access log and most JSON loggers count milliseconds
            yield round(float(found[1]) * _UNITS["ms" if unit == "ms" else unit[0]], 3)


def _target(flat: str, upstream: re.Match[str] | None) -> str | None:
    for pattern in _TARGETS:
        for found in pattern.finditer(flat):
            word = found[1].rpartition("/")[2]
            if not _NO_TARGET.search(word.lower()):
                return word
    return f"{upstream[4]}:{upstream[2]}" if upstream and upstream[4] else None
