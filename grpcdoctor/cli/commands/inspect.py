"""Find what breaks gRPC in a cluster or in manifests, hop by hop."""

from __future__ import annotations

import sys
from typing import Any

import click

from grpcdoctor.cli.inspecting import Source, inspect
from grpcdoctor.cli.output import FailOn, output_options
from grpcdoctor.cli.terminal import style_of
from grpcdoctor.cli.words import Duration
from grpcdoctor.report.formats import Format


@click.command(
    epilog="""Exit codes: 0 nothing at or above --fail-on, 1 found, 2 usage, 3 inconclusive (something that decides
    could not be read), 130 interrupted."""
)
@click.argument("stray", nargs=-1, metavar="")
@click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    metavar="PATH",
    help="A manifest, a folder, a glob, or - for standard input; repeatable.",
)
@click.option("--live", is_flag=True, help="With -f: lay the manifests over the cluster (what if I applied this?).")
@click.option("--complete", is_flag=True, help="With -f: these objects are all that there is.")
@click.option("--host", metavar="NAME", help="Trace this hostname through every hop.")
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NS",
    help="Only what concerns this namespace; repeatable. Default: the context's own, or all of -f.",
)
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces.")
@click.option("--context", metavar="NAME", help="The context of the kubeconfig.")
@click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; default: KUBECONFIG, then ~/.kube/config.")
@click.option("--no-secrets", is_flag=True, help="Do not look at the certificates that gateways name.")
@click.option(
    "--proxyless",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[WORKLOAD]",
    help="What this workload (or all) would lose or gain without a sidecar.",
)
@click.option("--ignore", multiple=True, metavar="RULE[,RULE]", help="Leave out these rules; repeatable.")
@click.option("--only", multiple=True, metavar="RULE[,RULE]", help="Only these rules; repeatable.")
@click.option("--config", metavar="FILE", help="Suppressions and severities; default: .grpcdoctor.yaml here or above.")
@click.option("--timeout", type=Duration(), default=60.0, help="For reading the cluster, all together. Default: 60.")
@output_options
def command(output: Format, fail_on: str, verbose: bool, no_color: bool, **given: Any) -> int:
    """Read Kubernetes objects, live or from manifests, and print every misconfiguration that breaks or degrades gRPC:
    the object, the field, the line, what clients will see, and the patch.

    \b
      grpcdoctor inspect                                   # the namespace of your context
      grpcdoctor inspect -A --host grpc.example.com        # one hostname, hop by hop
      grpcdoctor inspect -f manifests/                     # files; also: helm template . | grpcdoctor inspect -f -
      grpcdoctor inspect -f new.yaml --live                # what if I applied this?
      grpcdoctor inspect -A -o svg > hops.svg              # the service graph (also dot, mermaid)
    """
    _check(given)
    style = style_of(sys.stdout, colour=not no_color, verbose=verbose)
    return inspect(Source.of(given), given, output, style, FailOn(fail_on))


def _check(given: dict[str, Any]) -> None:
    """Raises click.UsageError for options that contradict each other."""
    files, live, stray = given["files"], given["live"], given["stray"]
    if stray:
        raise click.UsageError(f"name manifests with -f ({' '.join(f'-f {one}' for one in stray)}), a host with --host")
    if live and not files:
        raise click.UsageError("--live lays manifests over the cluster; name them: -f PATH (without -f it is live)")
    if given["complete"] and (live or not files):
        raise click.UsageError("--complete is about manifests alone; name them with -f, and leave out --live")
    if given["all_namespaces"] and given["namespaces"]:
        raise click.UsageError("-A means all namespaces; leave out -A or -n")
    for option in ("context", "kubeconfig"):
        if given[option] and files and not live:
            raise click.UsageError(f"--{option} is for a live cluster, and -f reads files; add --live for both")
