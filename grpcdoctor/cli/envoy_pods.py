"""The Envoy in a pod: its admin port, reached through the API server's port-forward."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

if TYPE_CHECKING:
    from grpcdoctor.cluster.live.connection import Connection
    from grpcdoctor.envoy.admin import Connect
    from grpcdoctor.envoy.snapshot import Proxy

KINDS: Final = ("pod", "gateway")
ADMIN_PORTS: Final = (15000, 19000, 9901, 9001)
"""Of Istio, Envoy Gateway, Envoy's own examples, Contour."""
_GATEWAY_LABELS: Final = ("gateway.networking.k8s.io/gateway-name", "istio", "app", "app.kubernetes.io/name",
                          "gateway.envoyproxy.io/owning-gateway-name")  # fmt: skip


def is_pod(word: str) -> bool:
    """`pod/NS/NAME` or `gateway/NS/NAME`."""
    return word.partition("/")[0] in KINDS and word.count("/") == 2


@dataclass(frozen=True, slots=True)
class PodAdmin:
    """The admin port of an Envoy in a pod, as long as its tunnels stand."""

    name: str
    """For headings: the word, and the pod where that does not name it."""
    connect: Connect


@contextmanager
def pod_admin(
    word: str, seconds: float, context: str | None = None, kubeconfig: str | None = None
) -> Iterator[PodAdmin]:
    """The way to the Envoy of `pod/NS/NAME` or `gateway/NS/NAME`. Raises click.UsageError where none answers."""
    from grpcdoctor.cluster.live.connection import connect
    from grpcdoctor.cluster.live.errors import ClusterError

    kind, namespace, name = word.split("/")
    if not namespace or not name:
        raise click.UsageError(f"{word}: write {kind}/NAMESPACE/NAME")
    try:
        with connect(context, kubeconfig) as connection:
            pod = name if kind == "pod" else _pod_of_gateway(connection, namespace, name, seconds)
            with _forwarded(connection, namespace, pod, word, seconds) as dial:
                yield PodAdmin(word if word.endswith(f"/{pod}") else f"{word} (pod {pod})", dial)
    except ClusterError as wrong:
        raise click.UsageError(f"{word}: {wrong}") from wrong


def read_pod(word: str, seconds: float, context: str | None = None, kubeconfig: str | None = None) -> Proxy:
    """The Envoy there. Raises click.UsageError where it cannot be reached, AdminError where it breaks off."""
    from grpcdoctor.envoy.admin import read_over

    with pod_admin(word, seconds, context, kubeconfig) as admin:
        return read_over(admin.connect, admin.name, seconds)


@contextmanager
def _forwarded(connection: Connection, namespace: str, pod: str, word: str, seconds: float) -> Iterator[Connect]:
    """To the first of the usual admin ports at which an Envoy answers."""
    from grpcdoctor.cluster.live.portforward import Forwarder
    from grpcdoctor.envoy.admin import AdminError, read_over
    from grpcdoctor.envoy.answers import SERVER_INFO

    why = ""
    for port in ADMIN_PORTS:
        with Forwarder(connection, namespace, pod, port, seconds) as forwarder:
            dial = partial(_dial, forwarder.address)
            try:
                read_over(dial, word, seconds, (SERVER_INFO,))
            except AdminError as wrong:
                failures = forwarder.failures
                why = why or (str(failures[0]) if failures else str(wrong).partition(": ")[2])
                continue
            yield dial
            return
    ports = ", ".join(map(str, ADMIN_PORTS))
    raise click.UsageError(f"{word}: no Envoy answers at the admin ports {ports} of pod {namespace}/{pod}: {why}")


def _dial(address: tuple[str, int], seconds: float) -> socket.socket:
    return socket.create_connection(address, seconds)


def _pod_of_gateway(connection: Connection, namespace: str, name: str, seconds: float) -> str:
    """A pod of the gateway: by the labels that Istio and the Gateway API's controllers give, or by its name.

    A ready one if there is one; one that only runs may be just the one to ask why it is not ready.
    """
    from grpcdoctor.cluster.fields import text_at
    from grpcdoctor.cluster.live.answers import Asker, RequestFailed
    from grpcdoctor.wire.deadline import Deadline

    try:
        found = Asker(connection, Deadline.after(seconds)).ask(f"/api/v1/namespaces/{quote(namespace, '')}/pods")
    except RequestFailed as failed:
        raise click.UsageError(f"gateway/{namespace}/{name}: its pods cannot be listed: {failed}") from None
    pods = [item for item in found.get("items") or () if isinstance(item, dict)]
    running = [pod for pod in pods if _is_of(pod, name) and text_at(pod, "status", "phase") == "Running"]
    if not running:
        raise click.UsageError(f"gateway/{namespace}/{name}: no running pod is called so, or has a label that says so")
    return _name_of(next(filter(_is_ready, running), running[0]))


def _is_of(pod: dict[str, Any], name: str) -> bool:
    from grpcdoctor.cluster.fields import string_map

    labels = string_map(pod, "metadata", "labels")
    return any(labels.get(label) == name for label in _GATEWAY_LABELS) or _name_of(pod).startswith(f"{name}-")


def _is_ready(pod: dict[str, Any]) -> bool:
    from grpcdoctor.cluster.fields import mappings_at, text_at

    conditions: Sequence[dict[str, Any]] = [item for _, item in mappings_at(pod, "status", "conditions")]
    return any(text_at(item, "type") == "Ready" and text_at(item, "status") == "True" for item in conditions)


def _name_of(pod: dict[str, Any]) -> str:
    from grpcdoctor.cluster.fields import text_at

    return text_at(pod, "metadata", "name")
