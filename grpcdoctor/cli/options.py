"""The options that every network command has, and what they make of a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Any, Final, TypeVar

import click

from grpcdoctor.cli.credentials import check_files
from grpcdoctor.cli.metadata import read_metadata
from grpcdoctor.cli.words import Duration
from grpcdoctor.model.options import DEFAULT_TIMEOUT_SECONDS, ProbeOptions
from grpcdoctor.model.target import Target, TargetError, split_host_port

F = TypeVar("F", bound=Callable[..., Any])

# Field of Network -> the option that needs TLS.
_NEEDS_TLS: Final = {
    "servername": "--servername",
    "cacert": "--cacert",
    "cert": "--cert",
    "key": "--key",
    "insecure": "--insecure",
}


@dataclass(frozen=True, slots=True)
class Network:
    """The network options of one command line, as given."""

    plaintext: bool
    authority: str | None
    servername: str | None
    connect_to: str | None
    cacert: str | None
    cert: str | None
    key: str | None
    insecure: bool
    header: tuple[str, ...]
    timeout: float
    no_proxy: bool
    metadata: tuple[tuple[str, str], ...]
    """What --header says: names in lower case, variables put in."""

    def check(self, targets: Sequence[Target]) -> None:
        """Raises click.UsageError for options that contradict each other, and for files that cannot be used."""
        given = next((option for name, option in _NEEDS_TLS.items() if getattr(self, name)), None)
        if given and not any(target.tls for target in targets):
            why = "--plaintext" if self.plaintext else "the scheme of the target"
            raise click.UsageError(f"{given} is for TLS, and {why} asks for plaintext; leave out one of the two")
        if self.insecure and self.cacert:
            raise click.UsageError("--insecure verifies nothing, so --cacert has no use; leave out one of the two")
        if self.cert and not self.key:
            raise click.UsageError("--cert needs --key FILE as well: the certificate's private key")
        if self.key and not self.cert:
            raise click.UsageError("--key needs --cert FILE as well: the certificate of that key")
        check_files(self.cacert, self.cert, self.key)

    def apply(self, target: Target) -> Target:
        """The target with --authority, --servername and --connect-to. Raises click.UsageError."""
        return replace(
            target,
            authority=self.authority,
            server_name=self.servername,
            connect_to=_dial(self.connect_to, target) if self.connect_to is not None else None,
        )

    def probe_options(self, **more: Any) -> ProbeOptions:
        return ProbeOptions(
            timeout=self.timeout,
            cacert=self.cacert,
            cert=self.cert,
            key=self.key,
            insecure=self.insecure,
            headers=self.metadata,
            use_proxy=not self.no_proxy,
            **more,
        )


def _dial(word: str, target: Target) -> tuple[str, int]:
    if target.unix_path is not None:
        raise click.UsageError(f"--connect-to is for hosts, and {target.input} is a socket; leave one of them out")
    try:
        host, port = split_host_port(word)
    except TargetError as wrong:
        raise click.UsageError(f"--connect-to: {wrong}") from wrong
    if not host:
        raise click.UsageError("--connect-to names no host; write HOST:PORT")
    return host, port if port is not None else target.port


def _authority(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and (not value or not value.isprintable() or not value.isascii() or " " in value):
        raise click.BadParameter(f"{value!r} is no authority; write a host, or host:port", ctx, param)
    return value


_TIMEOUT: Final = click.option(
    "--timeout", type=Duration(), default=DEFAULT_TIMEOUT_SECONDS,
    help="For one target, everything included (with --count: for each try): 5, 5s, 500ms. Default: 10.",
)  # fmt: skip
_OPTIONS: Final = (
    click.option("--plaintext", is_flag=True, help="HTTP/2 without TLS (h2c)."),
    click.option("--authority", metavar="NAME", callback=_authority,
                 help="The :authority to send; also the name to verify."),
    click.option("--servername", metavar="NAME", callback=_authority,
                 help="SNI, and the name to verify, apart from --authority."),
    click.option("--connect-to", metavar="HOST:PORT", help="Dial this instead; the target still names the endpoint."),
    click.option("--cacert", metavar="FILE", help="PEM file of the CAs to trust instead of the system's."),
    click.option("--cert", metavar="FILE", help="PEM file of the client certificate."),
    click.option("--key", metavar="FILE", help="PEM file of its private key."),
    click.option("--insecure", is_flag=True, help="Do not verify the server's certificate."),
    click.option("-H", "--header", multiple=True, metavar="'NAME: VALUE'",
                 help="Metadata to send with every call, or @FILE with such lines; ${NAME} is put in from the "
                      "environment; repeatable."),
    click.option("--no-proxy", is_flag=True, help="Ignore the proxy variables of the environment."),
)  # fmt: skip


def network_options(function: F) -> F:
    """Add the network options to a command; its function gets them as one `network`."""
    return _adding((*_OPTIONS, _TIMEOUT), function, [field.name for field in fields(Network)])


def network_options_without_timeout(function: F) -> F:
    """The same for a command whose own --timeout says something else."""
    return _adding(_OPTIONS, function, [field.name for field in fields(Network) if field.name != "timeout"])


def _adding(options: tuple[Any, ...], function: F, names: list[str]) -> F:
    @wraps(function)
    def with_network(*args: Any, **values: Any) -> Any:
        given: dict[str, Any] = {"timeout": DEFAULT_TIMEOUT_SECONDS}
        given.update((name, values.pop(name)) for name in names if name != "metadata")
        metadata = read_metadata(given["header"], "--header")
        return function(*args, network=Network(**given, metadata=metadata), **values)

    decorated: Any = with_network
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
