"""Ask whether servers are healthy, for scripts and probes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from grpcdoctor.cli.health.exit_codes import HealthExit
from grpcdoctor.cli.health.names import in_our_names, speaks_as_the_probe
from grpcdoctor.cli.options import Network, network_options
from grpcdoctor.cli.targets import read_targets
from grpcdoctor.cli.terminal import style_of
from grpcdoctor.cli.words import Duration
from grpcdoctor.wire.health_messages import STATUSES

if TYPE_CHECKING:
    from grpcdoctor.client.health_check import HealthQuestion
    from grpcdoctor.client.options import ChannelOptions

_TOGETHER: Final = (
    ("list_all", "service", "--list asks for all services; leave out --service"),
    ("list_all", "watch", "--watch is told of one service at a time; name them with --service in place of --list"),
    ("connect_only", "service", "--connect-only asks for no service; leave out --service"),
    ("connect_only", "list_all", "--connect-only asks nothing; leave out --list"),
    ("connect_only", "watch", "--connect-only asks nothing; leave out --watch"),
    ("connect_only", "expect", "--connect-only asks for no status; leave out --expect"),
    ("watch", "wait", "--watch never ends, and --wait ends when all is well; leave out one of the two"),
)


# In click's meta: the words of a command line that is grpc_health_probe's.
_PROBE_WORDS: Final = "grpcdoctor.health.probe_words"


class HealthCommand(click.Command):
    """Takes grpc_health_probe's words too; a wrong command line ends as that program does."""

    usage_exit_code = HealthExit.USAGE

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if speaks_as_the_probe(args):
            ctx.meta[_PROBE_WORDS] = list(args)
            return super().parse_args(ctx, [])
        return super().parse_args(ctx, in_our_names(args))

    def invoke(self, ctx: click.Context) -> Any:
        words = ctx.meta.get(_PROBE_WORDS)
        if words is None:
            return super().invoke(ctx)
        from grpcdoctor.cli.health.as_probe import run_as_probe

        return run_as_probe(words)


@click.command(
    cls=HealthCommand,
    epilog="""Exit codes, as grpc_health_probe's: 0 healthy, 1 usage, 2 no connection, 3 the call failed or is not
    implemented, 4 answered and not as expected, 130 interrupted. Of several targets that counts which came least far.
    With -addr HOST:PORT the command line is grpc_health_probe's own: its flags, its defaults, plaintext.""",
)
@click.argument("target", nargs=-1)
@click.option("--targets", metavar="FILE", help="Read targets from FILE, one a line, # comments; - is standard input.")
@click.option(
    "--service",
    multiple=True,
    metavar="NAME",
    help="Ask for this service; repeatable, on one connection. Without: for the server as a whole.",
)
@click.option("--list", "list_all", is_flag=True, help="Ask for all services that the server knows (Health/List).")
@click.option("--watch", is_flag=True, help="Print every change of the status, until Ctrl-C (Health/Watch).")
@click.option("--connect-only", is_flag=True, help="Ask nothing: TCP, TLS and HTTP/2 are enough.")
@click.option(
    "--expect",
    type=click.Choice(STATUSES, case_sensitive=False),
    metavar="STATUS",
    help="The status that counts as healthy: SERVING, NOT_SERVING, UNKNOWN or SERVICE_UNKNOWN. Default: SERVING.",
)
@click.option("--wait", type=Duration(), help="Try again until it is healthy, at most so long: 30, 30s, 5m.")
@network_options
@click.option("--connect-timeout", type=Duration(), help="Of --timeout, for the connection alone.")
@click.option("--rpc-timeout", type=Duration(), help="Of --timeout, for each call alone.")
@click.option("--user-agent", metavar="TEXT", help="Put before our own user-agent.")
@click.option("--gzip", is_flag=True, help="Compress requests.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    metavar="N",
    help="Targets at a time.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text, or one JSON object a target.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also the connection: address, HTTP version, TLS, times.")
@click.option("--no-color", is_flag=True, help="No colour, as with NO_COLOR in the environment.")
def command(network: Network, **given: Any) -> int:
    """Ask each TARGET's health service (grpc.health.v1.Health), and name the stage that fails.

    TARGET is host, host:port, [v6]:port, grpcs://, grpc:// (plaintext), https://, http:// or unix:/path. A host alone
    means TLS on port 443.

    \b
      grpcdoctor health grpc.example.com
      grpcdoctor health localhost:50051 --plaintext --service shop.Cart --service shop.Orders
      grpcdoctor health localhost:50051 --plaintext --wait 30s
      grpcdoctor health --targets endpoints.txt -o json
      grpcdoctor health -addr=:50051 -connect-timeout 250ms    # as grpc_health_probe
    """
    for one, other, why in _TOGETHER:
        if given[one] and given[other]:
            raise click.UsageError(why)
    parsed = read_targets(given["target"], given["targets"], network.plaintext)
    network.check(parsed)
    channels = [_channel_options(network, given, network.apply(target)) for target in parsed]
    return _run(channels, _question(network, given), given)


def _run(channels: list[ChannelOptions], question: HealthQuestion, given: dict[str, Any]) -> int:
    from grpcdoctor.cli.health.running import Order, run
    from grpcdoctor.cli.running import run_interruptible

    style = style_of(sys.stdout, colour=not given["no_color"], verbose=given["verbose"])
    order = Order(channels, question, style, given["output"] == "json", given["wait"], given["concurrency"])
    if given["watch"]:
        from grpcdoctor.cli.health.watching import watch

        return run_interruptible(watch(order))
    return run_interruptible(run(order))


def _channel_options(network: Network, given: dict[str, Any], target: Any) -> ChannelOptions:
    from grpcdoctor.client.options import ChannelOptions

    return ChannelOptions(
        target,
        cacert=network.cacert,
        cert=network.cert,
        key=network.key,
        insecure=network.insecure,
        use_proxy=not network.no_proxy,
        connect_timeout=given["connect_timeout"] or network.timeout,
        user_agent=given["user_agent"],
    )


def _question(network: Network, given: dict[str, Any]) -> HealthQuestion:
    from grpcdoctor.client.health import SERVING
    from grpcdoctor.client.health_check import HealthQuestion

    return HealthQuestion(
        services=given["service"] or ("",),
        list=given["list_all"],
        connect_only=given["connect_only"],
        expected=given["expect"] or SERVING,
        rpc_seconds=given["rpc_timeout"] or network.timeout,
        total_seconds=network.timeout,
        facts=given["output"] == "json" or given["verbose"],
        metadata=network.metadata,
        compress="gzip" if given["gzip"] else None,
    )
