"""Tell whether gRPC works at an endpoint, and if not why."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from grpcdoctor.cli import bisecting
from grpcdoctor.cli.at_hand import AtHand, cluster_options
from grpcdoctor.cli.envoy_pods import is_pod
from grpcdoctor.cli.envoys import asked_envoy
from grpcdoctor.cli.options import Network, network_options
from grpcdoctor.cli.output import FailOn, output_options
from grpcdoctor.cli.probing import Presentation, probe_many, probe_one, replay
from grpcdoctor.cli.targets import read_targets
from grpcdoctor.cli.terminal import style_of
from grpcdoctor.cli.words import MethodName, read_data
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.report.formats import Format

# What may stand beside --replay: all else is about a network that is not used.
_WITH_REPLAY: Final = {"replay_file", "output", "fail_on", "verbose", "no_color", "trace"}


@click.command(
    epilog="""Exit codes: 0 nothing at or above --fail-on, 1 found, 2 usage, 3 inconclusive, 130 interrupted. Of several
    targets the worst counts, and 1 is worse than 3. With --fail-on never it is 0, inconclusive or not."""
)
@click.argument("target", nargs=-1)
@click.option("--targets", metavar="FILE", help="Read targets from FILE, one a line, # comments; - is standard input.")
@network_options
@click.option("--call", type=MethodName(), help="Also make this call, as SERVICE/METHOD or SERVICE.METHOD.")
@click.option("--data", metavar="JSON", help="The request of --call: JSON, @FILE, or - for standard input.")
@click.option(
    "--count", type=click.IntRange(1, 1000), default=1, metavar="N", help="Ask on N fresh connections and show the mix."
)
@click.option("--quick", is_flag=True, help="Reachability, TLS, HTTP/2 and health on one connection; nothing else.")
@click.option(
    "--second-opinion/--no-second-opinion",
    default=None,
    help="Ask grpcio too, or never; by default where the wire shows trouble.",
)
@bisecting.OPTION
@click.option(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    metavar="N",
    help="Targets at a time.",
)
@click.option("--trace", is_flag=True, help="Print every frame, decoded, with its time and direction, to stderr.")
@click.option("--save", metavar="FILE", help="Save the whole run, to be looked at again with --replay.")
@click.option("--replay", "replay_file", metavar="FILE", help="Judge a saved run again; no network, no TARGET.")
@click.option(
    "--envoy",
    metavar="ADMIN",
    help="Ask this Envoy on the way as well, before and after: its admin address, unix:/PATH, pod/NS/NAME "
    "or gateway/NS/NAME.",
)
@cluster_options
@output_options
@click.pass_context
def command(
    ctx: click.Context, /, network: Network, at_hand: AtHand, output: Format, fail_on: str, **given: Any
) -> int:
    """Probe each TARGET: resolve, connect, TLS, HTTP/2, gRPC, health, reflection; print the diagnosis.

    TARGET is host, host:port, [v6]:port, grpcs://, grpc:// (plaintext), https://, http:// or unix:/path. A host alone
    means TLS on port 443.

    \b
      grpcdoctor probe grpc.example.com
      grpcdoctor probe localhost:50051 --plaintext
      grpcdoctor probe grpc.example.com --call pkg.Greeter/SayHello --data '{}'
      grpcdoctor probe grpc.example.com -f manifests/          # with the objects behind it
      grpcdoctor probe grpc.example.com --bisect               # at which hop of the cluster it breaks
      grpcdoctor probe grpc.example.com --envoy localhost:15000
      grpcdoctor probe --targets endpoints.txt -o json
    """
    style = style_of(sys.stdout, colour=not given["no_color"], verbose=given["verbose"])
    shown = Presentation(output, style, FailOn(fail_on), given["trace"])
    if given["replay_file"] is not None:
        _check_replay(ctx)
        return replay(given["replay_file"], shown)
    _check(given)
    if given["bisect"] is not None:
        bisecting.check(given, len(given["target"]))
    at_hand.check()
    parsed = read_targets(given["target"], given["targets"], network.plaintext)
    network.check(parsed)
    targets = [network.apply(target) for target in parsed]
    options = _probe_options(network, given)
    if given["bisect"] is not None:
        return bisecting.bisect(targets[0], options, given["bisect"], at_hand, shown)
    if given["targets"] is None and len(targets) == 1:
        alone = given["quick"] and not at_hand.named
        in_a_pod = given["envoy"] is not None and is_pod(given["envoy"])
        cluster = None if alone else at_hand.cluster_for(targets[0], options.timeout, insist=not in_a_pod)
        with asked_envoy(given["envoy"], at_hand.context, at_hand.kubeconfig) as envoy:
            return probe_one(targets[0], options, shown, given["save"], cluster, envoy)
    if at_hand.named:
        raise click.UsageError("a cluster is asked about one target; name just one, or leave out -f and --context")
    if given["envoy"] is not None:
        raise click.UsageError("an Envoy is asked about one target; name just one, or leave out --envoy")
    if given["save"] is not None:
        raise click.UsageError("--save keeps the run of one target; name just one")
    return probe_many(targets, options, shown, given["concurrency"])


def _probe_options(network: Network, given: dict[str, Any]) -> ProbeOptions:
    return network.probe_options(
        quick=given["quick"],
        call=given["call"],
        data=read_data(given["data"]) if given["data"] is not None else None,
        count=given["count"],
        second_opinion=given["second_opinion"],
        trace=given["trace"] or given["save"] is not None,
    )


def _check(given: dict[str, Any]) -> None:
    """Raises click.UsageError for options that contradict each other."""
    if given["data"] is not None and given["call"] is None:
        raise click.UsageError("--data is the request of a call; say which: --call SERVICE/METHOD")
    if given["quick"] and given["call"]:
        raise click.UsageError("--quick makes no call; leave out --quick or --call")
    if given["quick"] and given["second_opinion"]:
        raise click.UsageError("--quick asks nobody else; leave out --quick or --second-opinion")
    if given["targets"] == "-" and given["data"] in ("-", "@-"):
        raise click.UsageError("--targets and --data cannot both be read from standard input; put one into a file")


def _check_replay(ctx: click.Context) -> None:
    typed = click.core.ParameterSource.COMMANDLINE
    given = [param for param in ctx.command.params if ctx.get_parameter_source(param.name or "") is typed]
    other = next((param for param in given if param.name not in _WITH_REPLAY), None)
    if other is not None:
        name = "TARGET" if isinstance(other, click.Argument) else max(other.opts, key=len)
        raise click.UsageError(f"--replay uses no network; leave out {name}")
