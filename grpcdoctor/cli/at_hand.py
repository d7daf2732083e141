"""The cluster behind a probed endpoint: which one the command line means, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from grpcdoctor.cluster.live.connection import Connection
    from grpcdoctor.diagnosis.bisecting import TunnelledCluster
    from grpcdoctor.diagnosis.hearing import AskedCluster, Look
    from grpcdoctor.diagnosis.with_cluster import Witness
    from grpcdoctor.model.target import Target

F = TypeVar("F", bound=Callable[..., Any])


PATIENCE_SECONDS: Final = 2.0
"""For a cluster that the user did not speak of: behind a VPN that is off it would hold up every probe."""


@dataclass(frozen=True, slots=True)
class AtHand:
    """The options about a cluster of one command line, as given."""

    filename: tuple[str, ...]
    context: str | None
    kubeconfig: str | None
    gateway: str | None
    no_cluster: bool
    no_secrets: bool

    @property
    def named(self) -> bool:
        """The user spoke of a cluster; without that it is looked at only where it costs little."""
        return bool(self.filename or self.context or self.kubeconfig or self.gateway)

    def check(self) -> None:
        """Raises click.UsageError for options that contradict each other."""
        if self.no_cluster and self.named:
            raise click.UsageError("--no-cluster and -f, --context, --kubeconfig or --gateway contradict each other")
        if self.filename and (self.context or self.kubeconfig):
            raise click.UsageError("-f reads manifests, --context and --kubeconfig a cluster; leave out one of them")
        if self.gateway is not None and (self.gateway.count("/") != 1 or not all(self.gateway.split("/"))):
            raise click.UsageError(f"--gateway: {self.gateway!r} is no NAMESPACE/NAME")

    def cluster_for(self, target: Target, timeout: float, insist: bool = True) -> AskedCluster | None:
        """How to ask the cluster about this target; None where there is none, or the target is no host of one.

        `insist`: a cluster that the user names is meant to be asked; else it may be named for something else. Raises
        click.UsageError for a cluster that the user names beside a target that no object can name.
        """
        host = self._host_of(target, insist)
        if self.no_cluster or host is None or (host == "localhost" and not self.named):
            return None
        look = self._manifests(host) if self.filename else self._live(host, timeout)
        if look is None:
            return None
        from grpcdoctor.diagnosis.hearing import AskedCluster

        return AskedCluster(look, self.gateway, None if self.named else PATIENCE_SECONDS)

    def tunnelled(self, target: Target, timeout: float) -> TunnelledCluster:
        """The live cluster to bisect through. Raises click.UsageError where there is none."""
        from grpcdoctor.cluster.live.kubeconfig import cluster_at_hand
        from grpcdoctor.diagnosis.bisecting import TunnelledCluster

        hops = "or name the hops: --bisect=ADDR,ADDR"
        if self.filename:
            raise click.UsageError(f"--bisect goes to the pods, and -f only reads manifests; name a --context, {hops}")
        if self.no_cluster:
            raise click.UsageError(f"--bisect finds the hops in the cluster; leave out --no-cluster, {hops}")
        host = self._host_of(target)
        if host is None:
            raise click.UsageError(f"--bisect finds the hops by host; for an address add --authority HOST, {hops}")
        if not self.named and not cluster_at_hand(None):
            raise click.UsageError(f"--bisect finds the hops in the cluster, and there is no kubeconfig; {hops}")
        return TunnelledCluster(self._connect, lambda connection: self._read(connection, host, timeout), self.gateway)

    def _host_of(self, target: Target, insist: bool = True) -> str | None:
        """The host that objects may name; None for an address."""
        from grpcdoctor.model.target import is_address, split_host_port

        host = split_host_port(target.authority)[0] if target.authority is not None else target.host
        if target.unix_path is None and not is_address(host):
            return host
        if self.named and insist:
            raise click.UsageError(
                f"{target.unix_path or host} is an address, and the objects of a cluster go by host: "
                "add --authority HOST, or leave out -f, --context, --kubeconfig and --gateway"
            )
        return None

    def _live(self, host: str, timeout: float) -> Look | None:
        from grpcdoctor.cluster.live.kubeconfig import cluster_at_hand

        if not self.named and not cluster_at_hand(None):
            return None

        def look() -> Witness | None:
            with self._connect() as connection:
                return self._read(connection, host, timeout)

        return look

    def _connect(self) -> Connection:
        from grpcdoctor.cluster.live.connection import connect

        return connect(self.context, self.kubeconfig)

    def _read(self, connection: Connection, host: str, timeout: float) -> Witness:
        from grpcdoctor.cluster.entrance_addresses import ADDRESS_KINDS
        from grpcdoctor.cluster.live.host import read_for_host
        from grpcdoctor.diagnosis.registry import kinds_read
        from grpcdoctor.diagnosis.with_cluster import Witness
        from grpcdoctor.model.report import Scope

        kinds = (*kinds_read(), *ADDRESS_KINDS)
        cluster = read_for_host(connection, host, kinds=kinds, secrets=not self.no_secrets, deadline_seconds=timeout)
        return Witness(cluster, Scope(f"context {connection.context}", connection.context), host)

    def _manifests(self, host: str) -> Look:
        """Read at once: a wrong file is told before anything is probed."""
        from grpcdoctor.cli.inspecting import Source, read
        from grpcdoctor.diagnosis.with_cluster import Witness

        cluster, scope = read(Source(self.filename, live=False))
        return lambda: Witness(cluster, scope, host)


_OPTIONS: Final = (
    click.option("-f", "--filename", multiple=True, metavar="PATH",
                 help="Manifests behind the endpoint (files, folders, globs); repeatable."),
    click.option("--context", metavar="NAME", help="The context of the kubeconfig that the endpoint belongs to."),
    click.option("--kubeconfig", metavar="FILE", help="The kubeconfig; default: KUBECONFIG, then ~/.kube/config."),
    click.option("--gateway", metavar="NS/NAME", help="Go in by the address of this Gateway or its Service."),
    click.option("--no-cluster", is_flag=True, help="Look at the network alone, whatever kubeconfig there is."),
    click.option("--no-secrets", is_flag=True, help="Do not look at the certificates that gateways name."),
)  # fmt: skip


def cluster_options(function: F) -> F:
    """Add the options about a cluster to a command; its function gets them as one `at_hand`."""
    names = [field.name for field in fields(AtHand)]

    @wraps(function)
    def with_cluster(*args: Any, **values: Any) -> Any:
        at_hand = AtHand(**{name: values.pop(name) for name in names})
        return function(*args, at_hand=at_hand, **values)

    decorated: Any = with_cluster
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
