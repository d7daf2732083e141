"""Host names in Istio's configuration: short names, wildcards, and what is registered under a name.

Source: istio pkg/config/host/name.go, pilot/pkg/model/push_context.go, config ResolveShortnameToFQDN.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, texts_at
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import EntryPort, entry_ports
from grpcdoctor.cluster.kinds import SERVICE, SERVICE_ENTRY, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import Service, ServicePort, find_service
from grpcdoctor.cluster.snapshot import DEFAULT_DOMAIN, Cluster

HOST_KINDS: Final[tuple[Kind, ...]] = (SERVICE_ENTRY,)
EXPORT_ANNOTATION: Final = "networking.istio.io/exportTo"
_SVC: Final = ".svc."
_CLUSTER_SET: Final = "clusterset.local"


def full_host(host: str, namespace: str) -> str:
    """A name without a dot is one of a Service in `namespace`; anything else is taken to the letter."""
    if not host or "." in host or host == "*":
        return host.lower()
    return f"{host}.{namespace}.svc.{DEFAULT_DOMAIN}".lower()


def in_default_domain(full: str) -> str:
    """The full name of a Service in a cluster with another domain, as `full_host` would have completed it.

    Whoever writes the domain out in one object leaves it to Istio in the next. Of several clusters it is another name.
    """
    left, separator, domain = full.partition(_SVC)
    return f"{left}{_SVC}{DEFAULT_DOMAIN}" if separator and domain != _CLUSTER_SET else full


def service_name_of(full: str) -> tuple[str, str] | None:
    """(namespace, name) of `name.namespace.svc.DOMAIN`, whatever the cluster's domain; None for any other host."""
    left, separator, domain = full.partition(_SVC)
    name, dot, namespace = left.partition(".")
    if separator and dot and domain and name and namespace and "." not in namespace and name != "*":
        return namespace, name
    return None


def covers(pattern: str, host: str) -> bool:
    """Whether every name that `host` stands for is one that `pattern` stands for (`*.foo.com` not for `foo.com`)."""
    pattern, host = pattern.lower(), host.lower()
    if pattern == "*":
        return True
    if pattern.startswith("*"):
        return host.lstrip("*").endswith(pattern[1:]) and (host.startswith("*") or len(host) > len(pattern) - 1)
    return pattern == host


def overlap(one: str, other: str) -> bool:
    """Whether some name is one that both stand for."""
    return covers(one, other) or covers(other, one)


def most_specific(hosts: list[str], full: str) -> str | None:
    """The host of these that fits best: the exact one, else the longest wildcard."""
    fitting = [host for host in hosts if covers(host, full)]
    return max(fitting, key=lambda host: (not host.startswith("*"), len(host)), default=None)


def find_host(cluster: Cluster, full: str) -> Service | Object | None:
    """What is registered under a full host name: a Service, or a ServiceEntry (an exact host, else a wildcard)."""
    named = service_name_of(full)
    if named is not None:
        found = find_service(cluster, *named)
        if found is not None:
            return found
    exact, wildcards = cluster.once(_entries)
    if full in exact:
        return exact[full][0]
    best = most_specific(list(wildcards), full) if wildcards else None
    return wildcards[best][0] if best is not None else None


def entries_for(cluster: Cluster, full: str) -> Iterator[Object]:
    """Every ServiceEntry that has this host, by name or by a wildcard."""
    exact, wildcards = cluster.once(_entries)
    yield from exact.get(full, ())
    for pattern, entries in wildcards.items():
        if covers(pattern, full):
            yield from entries


def ports_of(target: Service | Object) -> tuple[ServicePort | EntryPort, ...]:
    return target.ports if isinstance(target, Service) else entry_ports(target)


def visible_from(item: Object, namespace: str) -> bool:
    """Whether `exportTo` lets this namespace see a VirtualService, DestinationRule, ServiceEntry or Service."""
    words = exported_to(item)
    if not words or "*" in words:
        return True
    return "~" not in words and (namespace in words or ("." in words and item.namespace == namespace))


def seen_together(one: Object, other: Object) -> bool:
    """Whether `exportTo` lets some namespace see both."""
    mine, theirs = _viewers(one), _viewers(other)
    return "*" in mine or "*" in theirs or bool(mine & theirs)


def _viewers(item: Object) -> set[str]:
    return {item.namespace if word == "." else word for word in exported_to(item) or ("*",)}


def exported_to(item: Object) -> tuple[str, ...]:
    """The words of its `exportTo`; of a Service, those of the annotation. Nothing where the mesh's default holds."""
    if item.kind != SERVICE:
        return texts_at(item.raw, "spec", "exportTo")
    written = item.annotations.get(EXPORT_ANNOTATION)
    return tuple(word.strip() for word in written.split(",")) if written else ()


def export_path(item: Object) -> FieldPath:
    return ("metadata", "annotations", EXPORT_ANNOTATION) if item.kind == SERVICE else ("spec", "exportTo")


def domain_of(cluster: Cluster) -> str:
    return mesh_config(cluster).domain


def _entries(cluster: Cluster) -> tuple[dict[str, list[Object]], dict[str, list[Object]]]:
    """The ServiceEntries by exact host, and by wildcard, in their order."""
    exact: dict[str, list[Object]] = {}
    wildcards: dict[str, list[Object]] = {}
    for entry in cluster.all(SERVICE_ENTRY):
        for host in texts_at(entry.raw, "spec", "hosts"):
            (wildcards if host.startswith("*") else exact).setdefault(host.lower(), []).append(entry)
    return exact, wildcards
