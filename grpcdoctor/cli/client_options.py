"""The options that list, describe and call share: how to reach the server, what to speak, where descriptors are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from grpcdoctor.cli.metadata import read_metadata
from grpcdoctor.cli.options import Network, network_options_without_timeout
from grpcdoctor.cli.words import Duration
from grpcdoctor.model.target import Target, TargetError, parse_target

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions

F = TypeVar("F", bound=Callable[..., Any])

STEP_SECONDS: Final = 10.0
"""For connecting, and for each question of our own, where --timeout says nothing."""

_DEFAULT_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_SIZE: Final = re.compile(r"^([0-9]{1,12})\s*(|b|k|kb|kib|m|mb|mib|g|gb|gib)$")
_FACTORS: Final = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
# A message's length is a 32-bit number (gRPC over HTTP/2, Length-Prefixed-Message), and protobuf stops at 2 GiB.
_LARGEST_MESSAGE: Final = (1 << 31) - 1


class ByteSize(click.ParamType):  # type: ignore[type-arg]
    """`4194304`, `16M`, `1GiB`: bytes; every unit is a power of 1024."""

    name = "size"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "BYTES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = _SIZE.match(value.strip().lower())
        size = int(match[1]) * _FACTORS[match[2][:1]] if match else 0
        if not 0 < size <= _LARGEST_MESSAGE:
            self.fail(f"{value!r} is no size of a message; write bytes, or 16M (up to 2 GiB)", param, ctx)
        return size


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Of one command line, as given."""

    network: Network
    timeout: float | None
    rpc_header: tuple[str, ...]
    reflect_header: tuple[str, ...]
    protoset: tuple[str, ...]
    proto: tuple[str, ...]
    import_path: tuple[str, ...]
    reflection: bool | None
    protocol: str
    http: str | None
    max_message_size: int
    keepalive: float | None
    user_agent: str | None
    show_secrets: bool

    @property
    def has_files(self) -> bool:
        return bool(self.protoset or self.proto)

    @property
    def reflects(self) -> bool:
        """Whether the server is asked: unless there are files instead, or it is forbidden."""
        return self.reflection if self.reflection is not None else not self.has_files

    @property
    def step_seconds(self) -> float:
        return self.timeout if self.timeout is not None else STEP_SECONDS

    def rpc_metadata(self) -> tuple[tuple[str, str], ...]:
        return self.network.metadata + read_metadata(self.rpc_header, "--rpc-header")

    def reflection_metadata(self) -> tuple[tuple[str, str], ...]:
        return self.network.metadata + read_metadata(self.reflect_header, "--reflect-header")

    def check(self) -> None:
        """Raises click.UsageError for options that contradict each other."""
        if self.protoset and self.proto:
            raise click.UsageError("--protoset and --proto are two ways to say the same; leave out one of them")
        if self.import_path and not self.proto:
            raise click.UsageError("--import-path is where --proto files are looked for; name one with --proto")
        if self.reflection is False and not self.has_files:
            raise click.UsageError("--no-reflection needs another source of descriptors: --protoset or --proto")
        if self.reflect_header and not self.reflects:
            raise click.UsageError("--reflect-header goes with reflection, which is not asked; leave it out")
        if self.protocol == "grpc" and self.http == "1.1":
            raise click.UsageError("gRPC needs HTTP/2; with --http 1.1 use --protocol grpc-web or connect")

    def target(self, word: str) -> Target:
        """The target with everything that the options say of it. Raises click.UsageError."""
        try:
            target = parse_target(word, self.network.plaintext)
        except TargetError as wrong:
            raise click.UsageError(str(wrong)) from wrong
        self.network.check([target])
        return self.network.apply(target)

    def channel_options(self, target: Target) -> ChannelOptions:
        from grpcdoctor.client.options import ChannelOptions, Protocol

        return ChannelOptions(
            target=target,
            protocol=Protocol(self.protocol),
            http_version=self.http,
            cacert=self.network.cacert,
            cert=self.network.cert,
            key=self.network.key,
            insecure=self.network.insecure,
            use_proxy=not self.network.no_proxy,
            connect_timeout=self.step_seconds,
            keepalive=self.keepalive,
            max_message_bytes=self.max_message_size,
            user_agent=self.user_agent,
        )


_NAMES: Final = tuple(field.name for field in fields(ClientOptions) if field.name != "network")
_OPTIONS: Final = (
    click.option("--timeout", type=Duration(),
                 help="For connecting, for reflection, and as the deadline of each call: 5, 5s, 500ms. Default: 10, "
                      "and none for a call that streams."),
    click.option("--rpc-header", multiple=True, metavar="'NAME: VALUE'", help="As --header, for the call alone."),
    click.option("--reflect-header", multiple=True, metavar="'NAME: VALUE'", help="As --header, for reflection alone."),
    click.option("--protoset", multiple=True, metavar="FILE",
                 help="Descriptors from a FileDescriptorSet (protoc --include_imports -o, buf build); repeatable."),
    click.option("--proto", multiple=True, metavar="FILE", help="Descriptors from a .proto file; repeatable."),
    click.option("--import-path", multiple=True, metavar="DIR",
                 help="A root under which --proto files and their imports are looked for; repeatable. Default: here."),
    click.option("--reflection/--no-reflection", default=None,
                 help="Ask the server for descriptors; by default where no files are given. With both, files fill in."),
    click.option("--protocol", type=click.Choice(["grpc", "grpc-web", "grpc-web-text", "connect"]), default="grpc",
                 show_default=True, help="What to speak over HTTP."),
    click.option("--http", type=click.Choice(["1.1", "2"]), help="The version of HTTP for gRPC-Web and Connect."),
    click.option("--max-message-size", type=ByteSize(), default=_DEFAULT_MESSAGE_BYTES,
                 help="The largest message to take: 4194304, 16M. Default: 4M, as gRPC's."),
    click.option("--keepalive", type=Duration(), help="Send a PING after so much silence."),
    click.option("--user-agent", metavar="TEXT", help="Put before our own user-agent."),
    click.option("--show-secrets", is_flag=True, help="Show credentials in what is printed of the metadata."),
)  # fmt: skip


def client_of(values: dict[str, Any]) -> ClientOptions:
    """Of the parameters of a command line that is still being typed. Raises click.UsageError."""
    names = [field.name for field in fields(Network) if field.name not in ("metadata", "timeout")]
    network = Network(
        **{name: values[name] for name in names},
        timeout=STEP_SECONDS,
        metadata=read_metadata(values["header"], "--header"),
    )
    return ClientOptions(network=network, **{name: values[name] for name in _NAMES})


def client_options(function: F) -> F:
    """Add the options to a command; its function gets them as one `client`."""

    @wraps(function)
    def with_client(*args: Any, network: Network, **values: Any) -> Any:
        client = ClientOptions(network=network, **{name: values.pop(name) for name in _NAMES})
        client.check()
        return function(*args, client=client, **values)

    decorated: Any = with_client
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return network_options_without_timeout(decorated)  # type: ignore[no-any-return]
