"""grpc_health_probe's flags (v0.4), what a command line says with them, and which of them do not go together.

The words of the errors are its own: somebody may look for them in a log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from grpcdoctor.cli.go_flags import Flag, FlagError, Kind, parse
from grpcdoctor.cli.go_words import duration, quoted
from grpcdoctor.wire.health_messages import STATUSES

SECOND: Final = 1_000_000_000


class ProbeError(Exception):
    """A command line that asks for nothing that can be done: exit 1, but for SPIFFE."""


class ProbeFlags(NamedTuple):
    """One field a flag, with its default. Times are in nanoseconds."""

    addr: str = ""
    service: str = ""
    user_agent: str = "grpc_health_probe"
    connect_timeout: int = SECOND
    rpc_header: Sequence[str] = ()
    rpc_timeout: int = SECOND
    tls: bool = False
    tls_no_verify: bool = False
    tls_ca_cert: str = ""
    tls_client_cert: str = ""
    tls_client_key: str = ""
    tls_server_name: str = ""
    alts: bool = False
    v: bool = False
    version: bool = False
    gzip: bool = False
    spiffe: bool = False
    # Ours, under the names that `grpcdoctor health` has for them.
    plaintext: bool = False
    wait: int = 0
    expect: str = ""
    list: bool = False
    watch: bool = False
    connect_only: bool = False
    output: str = "text"

    # For the address, which grpc-go reads alike in both programs.

    @property
    def unix(self) -> bool:
        return False

    @property
    def authority(self) -> str:
        return ""

    @property
    def servername(self) -> str:
        return self.tls_server_name


ALL: Final = {
    flag.name: flag
    for flag in (
        Flag("addr", Kind.STRING, "(required) host:port, or unix:///path, to connect to"),
        Flag("alts", Kind.BOOL, "use ALTS, inside of Google Cloud (default: false, plaintext)"),
        Flag("connect-timeout", Kind.DURATION, "for the connection (default 1s)"),
        Flag("gzip", Kind.BOOL, "compress requests (default: false)"),
        Flag("rpc-header", Kind.STRINGS, "metadata to send, as 'name: value'; may be repeated"),
        Flag("rpc-timeout", Kind.DURATION, "for the health check (default 1s)"),
        Flag("service", Kind.STRING, 'service to ask for (default: "", the server as a whole)'),
        Flag("spiffe", Kind.BOOL, "not supported here: credentials from a SPIFFE Workload API"),
        Flag("tls", Kind.BOOL, "use TLS (default: false, plaintext)"),
        Flag("tls-ca-cert", Kind.STRING, "(with -tls) file of the CAs to trust"),
        Flag("tls-client-cert", Kind.STRING, "(with -tls) file of the client certificate; needs -tls-client-key"),
        Flag("tls-client-key", Kind.STRING, "(with -tls) file of its private key; needs -tls-client-cert"),
        Flag("tls-no-verify", Kind.BOOL, "(with -tls) do not verify the certificate"),
        Flag("tls-server-name", Kind.STRING, "(with -tls) the name to verify in place of the host"),
        Flag("user-agent", Kind.STRING, 'user-agent to send (default "grpc_health_probe")'),
        Flag("v", Kind.BOOL, "tell what is done"),
        Flag("version", Kind.BOOL, "print the version and exit"),
        Flag("connect-only", Kind.BOOL, "ask nothing: a connection is enough (not in grpc_health_probe, as below)"),
        Flag("expect", Kind.STRING, "the status that counts as healthy (default SERVING)"),
        Flag("list", Kind.BOOL, "ask for all services"),
        Flag("output", Kind.STRING, "text or json"),
        Flag("plaintext", Kind.BOOL, "no TLS, which is the default here"),
        Flag("wait", Kind.DURATION, "try again until healthy, at most so long"),
        Flag("watch", Kind.BOOL, "print every change of the status"),
    )
}  # fmt: skip

# What may not be, in the order in which grpc_health_probe looks; then ours.
_WRONG: Final[tuple[tuple[Callable[[ProbeFlags], bool], str], ...]] = (
    (lambda f: not f.addr, "-addr not specified"),
    (lambda f: f.connect_timeout <= 0, "-connect-timeout must be greater than zero (specified: {connect_timeout})"),
    (lambda f: f.rpc_timeout <= 0, "-rpc-timeout must be greater than zero (specified: {rpc_timeout})"),
    (lambda f: f.alts and f.spiffe, "-alts and -spiffe are mutually incompatible"),
    (lambda f: f.tls and f.alts, "cannot specify -tls with -alts"),
    (lambda f: not f.tls and f.tls_no_verify, "specified -tls-no-verify without specifying -tls"),
    (lambda f: not f.tls and bool(f.tls_ca_cert), "specified -tls-ca-cert without specifying -tls"),
    (lambda f: not f.tls and bool(f.tls_client_cert), "specified -tls-client-cert without specifying -tls"),
    (lambda f: not f.tls and bool(f.tls_server_name), "specified -tls-server-name without specifying -tls"),
    (lambda f: bool(f.tls_client_cert) and not f.tls_client_key,
     "specified -tls-client-cert without specifying -tls-client-key"),
    (lambda f: bool(f.tls_client_key) and not f.tls_client_cert,
     "specified -tls-client-key without specifying -tls-client-cert"),
    (lambda f: f.tls_no_verify and bool(f.tls_ca_cert),
     "cannot specify -tls-ca-cert with -tls-no-verify (CA cert would not be used)"),
    (lambda f: f.tls_no_verify and bool(f.tls_server_name),
     "cannot specify -tls-server-name with -tls-no-verify (server name would not be used)"),
    (lambda f: f.tls and f.plaintext, "cannot specify -tls with -plaintext"),
    (lambda f: f.expect.upper() not in ("", *STATUSES), "-expect must be one of " + ", ".join(STATUSES)),
    (lambda f: f.output not in ("text", "json"), "-output must be text or json"),
    (lambda f: f.wait < 0, "-wait must be greater than zero"),
    (lambda f: f.watch and (f.list or f.connect_only or f.wait > 0),
     "-watch goes with none of -list, -connect-only and -wait"),
    (lambda f: f.connect_only and (f.list or bool(f.expect or f.service)),
     "-connect-only asks nothing: leave out -list, -expect and -service"),
    (lambda f: f.list and bool(f.service), "-list asks for all services: leave out -service"),
)  # fmt: skip


def read_probe_flags(words: Sequence[str]) -> tuple[ProbeFlags, list[str]]:
    """The flags, and the words behind them. Raises go_flags.FlagError, go_flags.HelpWanted."""
    values, rest = parse(ALL, words)
    for header in values.get("rpc-header", ()):
        if ":" not in header:
            why = f"invalid RPC header, expected 'key: value', got {quoted(header)}"
            raise FlagError(f"invalid value {quoted(header)} for flag -rpc-header: {why}")
    fields: dict[str, Any] = {name.replace("-", "_"): value for name, value in values.items()}
    return ProbeFlags(**fields), rest


def check(flags: ProbeFlags) -> None:
    """Raises ProbeError."""
    for is_wrong, words in _WRONG:
        if is_wrong(flags):
            times = {
                "connect_timeout": duration(flags.connect_timeout),
                "rpc_timeout": duration(flags.rpc_timeout),
            }
            raise ProbeError(f"error: {words.format(**times)}")
