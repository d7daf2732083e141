"""grpcurl's flags (v1.9.4), and what a command line says with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from grpcdoctor.cli.go_flags import Flag, Kind, parse

JSON: Final = "json"
TEXT: Final = "text"


class Flags(NamedTuple):
    """One field a flag, with grpcurl's default. Times are in seconds, 0 where none was given."""

    help: bool = False
    version: bool = False
    plaintext: bool = False
    insecure: bool = False
    cacert: str = ""
    cert: str = ""
    key: str = ""
    alts: bool = False
    alts_handshaker_service: str = ""
    alts_target_service_account: Sequence[str] = ()
    protoset: Sequence[str] = ()
    proto: Sequence[str] = ()
    import_path: Sequence[str] = ()
    headers: Sequence[str] = ()
    rpc_header: Sequence[str] = ()
    reflect_header: Sequence[str] = ()
    expand_headers: bool = False
    authority: str = ""
    user_agent: str = ""
    data: str = ""
    format: str = JSON
    allow_unknown_fields: bool = False
    connect_timeout: float = 0
    format_error: bool = False
    keepalive_time: float = 0
    max_time: float = 0
    max_msg_sz: int = 0
    emit_defaults: bool = False
    protoset_out: str = ""
    proto_out_dir: str = ""
    msg_template: bool = False
    verbose: bool = False
    very_verbose: bool = False
    servername: str = ""
    unix: bool = False
    use_reflection: bool | None = None
    """None where it was not given: reflection is then used unless there are files."""
    show_secrets: bool = False

    @property
    def tls(self) -> bool:
        return not self.plaintext and not self.alts

    @property
    def verbosity(self) -> int:
        """0, 1 (-v) or 2 (-vv, which wins)."""
        return 2 if self.very_verbose else int(self.verbose)

    @property
    def has_files(self) -> bool:
        return bool(self.protoset or self.proto)

    @property
    def asks_reflection(self) -> bool:
        return not self.has_files if self.use_reflection is None else self.use_reflection


# Fields that are not called as their flag is.
_FIELDS: Final = {"H": "headers", "d": "data", "v": "verbose", "vv": "very_verbose"}

ALL: Final = {
    flag.name: flag
    for flag in (
        Flag("H", Kind.STRINGS, "Metadata as 'name: value', for the call and for reflection. May be repeated."),
        Flag("allow-unknown-fields", Kind.BOOL, "Skip JSON fields that the request type does not have."),
        Flag("alts", Kind.BOOL, "Secure the connection with ALTS (inside of Google Cloud) in place of TLS."),
        Flag("alts-handshaker-service", Kind.STRING, "Address of the ALTS handshaker, in place of the standard one."),
        Flag("alts-target-service-account", Kind.STRINGS,
             "A service account that the server may run as, with -alts. May be repeated; without, any will do."),
        Flag("authority", Kind.STRING,
             "The :authority to send and, with TLS, the name to ask for (SNI) and to verify.\n"
             "Default: the address as written; localhost for a Unix socket."),
        Flag("cacert", Kind.STRING,
             "PEM file of the authorities that may have signed the server's certificate.\nNot used with -insecure."),
        Flag("cert", Kind.STRING, "PEM file of the client's certificate. TLS only; needs -key."),
        Flag("connect-timeout", Kind.FLOAT, "Seconds to wait for a connection. Default: 10."),
        Flag("d", Kind.STRING,
             "The request. @ reads it from standard input. A stream of requests is written one after the other."),
        Flag("emit-defaults", Kind.BOOL, "Show in JSON responses also the fields that are not set."),
        Flag("expand-headers", Kind.BOOL,
             "Put environment variables in for ${NAME} in -H, -rpc-header and -reflect-header."),
        Flag("format", Kind.STRING,
             "Of requests and responses: json, or text (protobuf's text format; requests are separated by the\n"
             'character 0x1E). (default "json")'),
        Flag("format-error", Kind.BOOL, "Print a failed status as a google.rpc.Status in the -format."),
        Flag("help", Kind.BOOL, "Print this and exit."),
        Flag("import-path", Kind.STRINGS, "Folder in which imports of -proto files are looked for. May be repeated."),
        Flag("insecure", Kind.BOOL, "Do not verify the server's certificate. TLS only."),
        Flag("keepalive-time", Kind.FLOAT,
             "Seconds of silence after which a ping is sent, and within which it must be answered. At least 10."),
        Flag("key", Kind.STRING, "PEM file of the client's private key. TLS only; needs -cert."),
        Flag("max-msg-sz", Kind.INT, "Bytes that a response may have. Default: 4194304."),
        Flag("max-time", Kind.FLOAT, "Seconds that everything may take; sent to the server as the call's deadline."),
        Flag("msg-template", Kind.BOOL, "With describe: show how a request of this message type may look."),
        Flag("plaintext", Kind.BOOL, "HTTP/2 without TLS."),
        Flag("proto", Kind.STRINGS,
             "A .proto source with the schema, in place of reflection. May be repeated; not with -protoset."),
        Flag("proto-out-dir", Kind.STRING,
             "Folder for .proto files of what is listed, described or called, and of all that it needs."),
        Flag("protoset", Kind.STRINGS,
             "A FileDescriptorSet with the schema, in place of reflection. May be repeated; not with -proto."),
        Flag("protoset-out", Kind.STRING,
             "File for a FileDescriptorSet of what is listed, described or called, and of all that it needs."),
        Flag("reflect-header", Kind.STRINGS, "Metadata as 'name: value', for reflection only. May be repeated."),
        Flag("rpc-header", Kind.STRINGS, "Metadata as 'name: value', for the call only. May be repeated."),
        Flag("servername", Kind.STRING, "Older name of -authority. TLS only; both only with the same value."),
        Flag("show-secrets", Kind.BOOL, "Show the values of secret headers in verbose output. (not in grpcurl)"),
        Flag("unix", Kind.BOOL, "The address is the path of a Unix socket."),
        Flag("use-reflection", Kind.BOOL,
             "Ask the server for its schema. Default: true, but false with -proto or -protoset. With these and\n"
             "-use-reflection, files answer what the server does not know.", strconv_errors=True),
        Flag("user-agent", Kind.STRING, "Words to put before the user agent."),
        Flag("v", Kind.BOOL, "Show the method, the metadata of both sides and the number of messages."),
        Flag("version", Kind.BOOL, "Print the version and exit."),
        Flag("vv", Kind.BOOL, "As -v, with the sizes of responses and the time that each step took."),
    )
}  # fmt: skip


def read_flags(words: Sequence[str]) -> tuple[Flags, list[str]]:
    """The flags, and the words behind them. Raises go_flags.FlagError, go_flags.HelpWanted."""
    values, rest = parse(ALL, words)
    fields: dict[str, Any] = {_FIELDS.get(name, name.replace("-", "_")): value for name, value in values.items()}
    return Flags(**fields), rest
