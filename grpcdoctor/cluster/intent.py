"""Intent: what the application behind a Service port really speaks, by all the hints that the objects give.

No hint is proof. Strong ones are written down for this port alone (a gRPC probe, an argument with the port's number);
weak ones are habits (port 50051). Rules report errors from LIKELY on, and say which hints they went by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, mapping_at, number_at, text_at, texts_at
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_named
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import rules_to
from grpcdoctor.cluster.services import ServicePort, services_selecting
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Container, Workload

STRONG: Final = 3
MEDIUM: Final = 2
WEAK: Final = 1
LIKELY: Final = 3
"""The sum of weights from which an intent counts as known."""

# Not grpc-gateway and grpc-web: those speak HTTP/1.1 to their clients.
_GRPC_WORD: Final = re.compile(r"(?<![a-z])grpcs?(?![a-z]|-(?:gateway|gw|web|json|rest)(?![a-z]))", re.IGNORECASE)
_GRPC_PORTS: Final = frozenset(range(50051, 50061))
# --grpc-port=50051, GRPC_ADDR=0.0.0.0:50051, --listen-grpc :50051
_PORT_IN: Final = r"(?<!\d){}(?!\d)"
# A server's own certificate: TLS_CERT_FILE, --grpc-tls-key=…, --cert-file, --tls. Not DB_SSL_CERT: that is a client's.
_TLS_WORD: Final = re.compile(
    r"^-{0,2}(?:(?:grpc|server|listen)[-_.])*(?:(?:tls|ssl)(?:[-_.]?(?:cert|key|crt|pem)(?:[-_.]?(?:file|path|pem))?)?"
    r"|(?:cert|key)[-_.]?(?:file|path))(?:=(?!false)|$)",
    re.IGNORECASE,
)
_GRPC_RETRY_TOKENS: Final = frozenset(
    ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
)


@dataclass(frozen=True, slots=True)
class Hint:
    """`text` is a clause: `container app has a gRPC readinessProbe on port 50051`."""

    text: str
    weight: int
    object: Object
    path: FieldPath


class Intent:
    """The hints for one Service port, the heaviest first."""

    def __init__(
        self, grpc: tuple[Hint, ...] = (), http1: tuple[Hint, ...] = (), tls: tuple[Hint, ...] = ()
    ) -> None:
        self.grpc, self.http1, self.tls = grpc, http1, tls
        weight, against = _sum(grpc), _sum(http1)
        self.is_grpc = weight >= LIKELY and against < STRONG
        """Likely gRPC, and nothing as strong says HTTP/1.1."""
        self.may_be_grpc = weight >= MEDIUM and against < STRONG
        self.is_http1 = against >= LIKELY
        self.serves_tls = _sum(tls) >= LIKELY
        """The application terminates TLS itself."""

    @property
    def because(self) -> str:
        """The best two hints for gRPC, in words."""
        return "; ".join(hint.text for hint in self.grpc[:2])


def intent_of(cluster: Cluster, port: ServicePort) -> Intent:
    """What speaks behind this port."""
    cache: dict[int, Intent] = cluster.once(_no_intents_yet)
    if id(port) not in cache:
        cache[id(port)] = _intent(cluster, port)
    return cache[id(port)]


def says_grpc(text: str) -> bool:
    """`grpc` as a word of its own: `my-grpc`, `grpcs`, `grpc_port`; not `mygrpcish`."""
    return _GRPC_WORD.search(text.replace("_", "-")) is not None


def _no_intents_yet(_cluster: Cluster) -> dict[int, Intent]:
    return {}


def _intent(cluster: Cluster, port: ServicePort) -> Intent:
    if port.protocol != "TCP":
        return Intent()
    grpc = [*_from_the_port(port), *_from_routes(cluster, port), *_from_other_services(cluster, port)]
    http1: list[Hint] = []
    tls: list[Hint] = []
    for workload, container, number in port.containers():
        grpc += _grpc_in(workload, container, number)
        http1 += _http1_in(workload, container, number)
        tls += _tls_in(workload, container, number)
    return Intent(_best(grpc), _best(http1), _best(tls))


def _from_the_port(port: ServicePort) -> Iterator[Hint]:
    item, path = port.service.object, port.path
    if port.app_protocol is not None and _declares_grpc(port.app_protocol):
        text = f'appProtocol of {port.title} is "{port.app_protocol}"'
        yield Hint(text, STRONG if says_grpc(port.app_protocol) else MEDIUM, item, (*path, "appProtocol"))
    if says_grpc(port.name) and not port.name.lower().startswith("grpc-web"):
        yield Hint(f'port {port.number} of {port.service.title} is named "{port.name}"', STRONG, item, (*path, "name"))
    elif protocol_named(port.name) is Protocol.HTTP2:
        yield Hint(f'port {port.number} of {port.service.title} is named "{port.name}"', WEAK, item, (*path, "name"))
    if isinstance(port.target, str) and says_grpc(port.target):
        yield Hint(f'targetPort of {port.title} is "{port.target}"', STRONG, item, (*path, "targetPort"))
    if port.number in _GRPC_PORTS or port.target in _GRPC_PORTS:
        yield Hint(f"{port.title} uses gRPC's customary port", WEAK, item, (*path, "port"))
    if says_grpc(port.service.name) and len(port.service.ports) == 1:
        yield Hint(f'the Service is named "{port.service.name}"', MEDIUM, item, ("metadata", "name"))
    if port.service.object.annotations:
        yield from _from_annotations(port)


# Annotation of a Service -> words in its value that declare gRPC or plaintext HTTP/2 for the backend.
_SERVICE_ANNOTATIONS: Final = {
    "traefik.ingress.kubernetes.io/service.serversscheme": ("h2c",),
    "konghq.com/protocol": ("grpc", "grpcs"),
    "haproxy.org/server-proto": ("h2",),
    "haproxy-ingress.github.io/backend-protocol": ("grpc", "grpcs", "h2", "h2-ssl"),
}


def _from_annotations(port: ServicePort) -> Iterator[Hint]:
    service = port.service
    for name, words in _SERVICE_ANNOTATIONS.items():
        value = service.object.annotations.get(name, "").lower()
        if value in words and len(service.ports) == 1:
            path: FieldPath = ("metadata", "annotations", name)
            weight = STRONG if "grpc" in value else MEDIUM
            yield Hint(f"{service.title} has {name}: {value}", weight, service.object, path)
    for name in ("projectcontour.io/upstream-protocol.h2c", "projectcontour.io/upstream-protocol.h2"):
        listed = {word.strip() for word in service.object.annotations.get(name, "").split(",")}
        if listed & {port.name, str(port.number)} - {""}:  # a port may have no name
            yield Hint(f"{service.title} has {name}", MEDIUM, service.object, ("metadata", "annotations", name))


def _from_routes(cluster: Cluster, port: ServicePort) -> Iterator[Hint]:
    for rule, backend in rules_to(cluster, port):
        if rule.declares_grpc or backend.takes_h2_only:
            yield Hint(f"{rule.object.title} routes gRPC to it", STRONG, rule.object, rule.path)
        match = next((m for m in rule.matches if m.looks_like_grpc), None)
        if match is not None:
            text = f"{rule.object.title} routes {match.value} to it, a gRPC path"
            yield Hint(text, STRONG, rule.object, match.path)
        elif any(m.may_be_grpc for m in rule.matches):
            yield Hint(f"{rule.object.title} routes a path like a gRPC method's to it", MEDIUM, rule.object, rule.path)
        yield from _from_names(rule.object, rule.path, rule.hosts)
        raw = mapping_at(rule.object.raw, *rule.path)
        tokens = {word.strip() for word in text_at(raw, "retries", "retryOn").split(",")} & _GRPC_RETRY_TOKENS
        if tokens:
            path = (*rule.path, "retries", "retryOn")
            yield Hint(f"{rule.object.title} retries on gRPC statuses ({min(tokens)})", MEDIUM, rule.object, path)
        if "application/grpc" in str(raw.get("match", "")):
            yield Hint(f"{rule.object.title} matches gRPC's content-type", STRONG, rule.object, rule.path)


def _from_names(item: Object, path: FieldPath, hosts: tuple[str, ...]) -> Iterator[Hint]:
    named = next((host for host in hosts if says_grpc(host.split(".")[0])), None)
    if named is not None and ".svc." not in named:
        yield Hint(f"{item.title} is for the host {named}", MEDIUM, item, path)


def _from_other_services(cluster: Cluster, port: ServicePort) -> Iterator[Hint]:
    """Another Service leads to the same port of the same pods and declares gRPC."""
    for workload in port.service.workloads[:1]:
        number = port.number_in(workload)
        for other in services_selecting(cluster, workload):
            for its in other.ports if other is not port.service else ():
                if its.number_in(workload) == number and (says_grpc(its.app_protocol or "") or says_grpc(its.name)):
                    text = f"{other.title} calls the same port of the same pods {its.app_protocol or its.name}"
                    yield Hint(text, STRONG, other.object, its.path)


def _grpc_in(workload: Workload, container: Container, number: int) -> Iterator[Hint]:
    item, at_port = workload.object, _PORT_IN.format(number)
    for declared in container.ports:
        if declared.number == number and says_grpc(declared.name):
            text = f'container {container.name} names port {number} "{declared.name}"'
            yield Hint(text, STRONG, item, declared.path)
    for probe, raw, path in container.probes:
        if number_at(raw, "grpc", "port") == number:
            yield Hint(f"container {container.name} has a gRPC {probe} on port {number}", STRONG, item, path)
        words = " ".join(texts_at(raw, "exec", "command"))
        if "grpc_health_probe" in words or "grpc-health-probe" in words:
            weight = STRONG if re.search(at_port, words) else MEDIUM
            yield Hint(f"the {probe} of container {container.name} runs grpc_health_probe", weight, item, path)
    for name, value in container.environment.items():
        if says_grpc(name) and re.search(at_port, value):
            yield Hint(f"{name}={value} in container {container.name}", STRONG, item, container.environment_path(name))
    joined = list(container.words)
    for index, word in enumerate(joined):
        pair = f"{word} {joined[index + 1]}" if index + 1 < len(joined) else word
        if says_grpc(word) and re.search(at_port, word if "=" in word else pair):
            yield Hint(f"{pair.strip()} in container {container.name}", STRONG, item, container.path)
    if says_grpc(container.image.rpartition("/")[2]) and len(container.ports) <= 1:
        text = f"container {container.name} runs the image {container.image}"
        yield Hint(text, WEAK, item, (*container.path, "image"))


def _http1_in(workload: Workload, container: Container, number: int) -> Iterator[Hint]:
    """A kubelet speaks HTTP/1.1: an httpGet probe on the port works with a server of that alone (or of both)."""
    names = {port.name for port in container.ports if port.number == number and port.name}
    for probe, raw, path in container.probes:
        target = text_at(raw, "httpGet", "port")
        if target and (target == str(number) or target in names):
            yield Hint(f"the {probe} of container {container.name} is an HTTP/1.1 GET on port {number}", STRONG,
                       workload.object, path)  # fmt: skip


def _tls_in(workload: Workload, container: Container, number: int) -> Iterator[Hint]:
    """The application terminates TLS itself on this port."""
    item = workload.object
    for declared in container.ports:
        if declared.number == number and re.match(r"^(https|tls|grpcs|ssl)(-|$)", declared.name, re.IGNORECASE):
            yield Hint(f'container {container.name} names port {number} "{declared.name}"', STRONG, item, declared.path)
    for probe, raw, path in container.probes:
        target = mapping_at(raw, "httpGet")
        if text_at(target, "scheme") == "HTTPS" and number_at(target, "port") == number:
            yield Hint(f"the {probe} of container {container.name} uses HTTPS on port {number}", STRONG, item, path)
        if "-tls" in " ".join(texts_at(raw, "exec", "command")) and "grpc_health_probe" in str(raw):
            yield Hint(f"the {probe} of container {container.name} asks over TLS", STRONG, item, path)
    word = next((word for word in container.words if _TLS_WORD.search(word)), None)
    if word is not None:
        yield Hint(f"container {container.name} is started with {word}", MEDIUM, item, container.path)
    for name, value in container.environment.items():
        if _TLS_WORD.search(name) and value.lower() not in ("", "0", "false", "off", "no", "disabled"):
            text = f"container {container.name} has the variable {name}"
            yield Hint(text, MEDIUM, item, container.environment_path(name))


def _declares_grpc(app_protocol: str) -> bool:
    return says_grpc(app_protocol) or app_protocol.lower().endswith(("h2c", "http2", "/h2"))


def _best(hints: list[Hint]) -> tuple[Hint, ...]:
    """The heaviest first, each clause once."""
    return tuple(sorted({hint.text: hint for hint in hints}.values(), key=lambda hint: -hint.weight))


def _sum(hints: tuple[Hint, ...]) -> int:
    """Several hints of one weight are often one hint seen from several sides: the best two of each count."""
    kinds = (STRONG, MEDIUM, WEAK) if hints else ()
    return sum(weight * min(2, sum(1 for hint in hints if hint.weight == weight)) for weight in kinds)
