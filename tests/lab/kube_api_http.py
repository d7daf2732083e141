"""How kube_api answers: paths, pages and Status objects as the real API server has them."""

from __future__ import annotations

import gzip
import json
import socket
import struct
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.kinds import POD, Kind
from tests.lab import port_forward

if TYPE_CHECKING:
    from tests.lab.kube_api import Fault, KubeApi

GZIP_FROM = 128 * 1024  # as kube-apiserver
PAGE_LINK = "page-"
USER = "system:serviceaccount:lab:reader"
"""Whom every request is taken for."""
AGGREGATED = "apidiscovery.k8s.io"
REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired", 429: "TooManyRequests",
}  # fmt: skip
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: KubeApi

    def parse_request(self) -> bool:
        """Every method is written down, and none but GET and a review's POST is known."""
        if not super().parse_request():
            return False
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        return True

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        token = self.headers.get("Authorization", "").partition(" ")[2]
        if token not in self.server.tokens:
            self._status(401, "Unauthorized")
        elif parts in (["version"], ["apis"]) or (parts[0] == "apis" and len(parts) == 3):
            self._about(parts)
        elif parts[-1] == "portforward":
            self._port_forward(parts[3], parts[5], int(query["ports"]))
        else:
            self._objects(parts, query)

    def do_POST(self) -> None:
        """The one question that is a POST: may I?"""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        about = review["spec"]["resourceAttributes"]
        self.server.reviews.append(about)
        fault = self.server.fault_of("selfsubjectaccessreviews", "", 1)
        if fault is not None and not self._passes(fault, {}, "create", "selfsubjectaccessreviews", "at the cluster"):
            return
        what = "/".join(filter(None, (about["resource"], about.get("subresource"))))
        allowed = (about["verb"], what) not in self.server.denied
        self._send({**review, "status": {"allowed": allowed}}, 201)

    def _port_forward(self, namespace: str, pod: str, port: int) -> None:
        """As the API server and the kubelet behind it do."""
        found = self.server.objects[POD].get((namespace, pod))
        fault = self.server.fault_of("portforward", namespace, 1)
        if fault is not None and (fault.status or fault.way in ("slow", "html", "not-json", "dropped")):
            self._passes(fault, {}, "get", "pods/portforward", f'in API group "" in the namespace "{namespace}"')
        elif found is None:
            self._status(404, f'pods "{pod}" not found')
        elif not text_at(found, "spec", "nodeName"):
            self._status(400, f"pod {pod} does not have a host assigned")
        else:
            opened = port_forward.upgrade(self, self.server.port_forward_protocols)
            if opened is None:
                self._status(400, "you must upgrade")
                return
            local = self.server.pod_ports.get((namespace, pod, port))
            with self.server.tunnel():
                port_forward.forward(*opened, port, local, fault.way if fault is not None else "")

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def _about(self, parts: list[str]) -> None:
        fault = self.server.fault_of("version" if parts == ["version"] else "discovery", "", 1)
        if fault is not None and not self._passes(fault, {}, "get", parts[0], ""):
            return
        if parts == ["version"]:
            self._send({"major": "1", "minor": "33", "gitVersion": "v1.33.1"})
        elif parts == ["apis"] and self.server.aggregated and AGGREGATED in self.headers.get("Accept", ""):
            self._send(self._aggregated())
        elif parts == ["apis"]:
            self._send(self._groups())
        else:
            self._send(self._resources(parts[1], parts[2]))

    def _objects(self, parts: list[str], query: dict[str, str]) -> None:
        group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, *name = rest[2:] if namespace else rest
        kind = self._kind(group, version, plural)
        page = int(query.get("continue", f"{PAGE_LINK}1").removeprefix(PAGE_LINK))
        verb = "get" if name else "list"
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        fault = self.server.fault_of(plural, namespace, page)
        if kind is None:
            self._raw(404, b"404 page not found\n", "text/plain")
            return
        answer = self._one(kind, namespace, name[0]) if name else self._list(kind, version, namespace, page, query)
        if fault is None or self._passes(fault, answer, verb, plural, f'in API group "{group}" {where}'):
            if answer:
                self._send(answer)
            else:
                self._status(404, f'{plural} "{name[0]}" not found')

    def _kind(self, group: str, version: str, plural: str) -> Kind | None:
        for kind, versions in self.server.served.items():
            if (kind.group, kind.plural) == (group, plural) and version in versions:
                return kind
        return None

    def _one(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        return self.server.objects[kind].get((namespace, name), {})

    def _list(self, kind: Kind, version: str, namespace: str, page: int, query: dict[str, str]) -> dict[str, Any]:
        every = [raw for (space, _), raw in self.server.objects.get(kind, {}).items() if namespace in ("", space)]
        size = int(query.get("limit", len(every) or 1))
        items = every[(page - 1) * size : page * size]
        if kind.group in ("", "apps"):  # lists of built-in kinds leave out what each item is
            items = [{key: value for key, value in raw.items() if key not in ("apiVersion", "kind")} for raw in items]
        left = len(every) - page * size
        metadata = {"continue": f"{PAGE_LINK}{page + 1}", "remainingItemCount": left} if left > 0 else {}
        api_version = f"{kind.group}/{version}" if kind.group else version
        # Go writes an empty list as null now and then.
        return {"apiVersion": api_version, "kind": f"{kind.name}List", "metadata": metadata, "items": items or None}

    def _passes(self, fault: Fault, answer: dict[str, Any], verb: str, plural: str, where: str) -> bool:
        """Does what the fault says; true where the right answer follows all the same."""
        if fault.status:
            refusal = f'{plural} is forbidden: User "{USER}" cannot {verb} resource "{plural}" {where}'
            message = refusal if fault.status == 403 else f"the lab says {fault.status}"
            self._status(fault.status, message, fault.headers)
        elif fault.way == "slow":
            self.server.stopping.wait(30)
            self.close_connection = True
        elif fault.way == "html":
            self._raw(200, b"<html>Please log in</html>", "text/html; charset=utf-8")
        elif fault.way == "not-json":
            self._raw(200, b"ok", "text/plain")
        else:
            self._break_off(fault.way, json.dumps(answer).encode())
        return False

    def _break_off(self, way: str, body: bytes) -> None:
        self.close_connection = True
        if way == "dropped":  # with a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        self._head(200, "application/json", len(body))
        if way == "truncated":
            self.wfile.write(body[: len(body) // 2])
            return
        for byte in body:  # "dripping"
            self.wfile.write(bytes([byte]))
            if self.server.stopping.wait(0.05):
                return

    def _status(self, code: int, message: str, headers: Any = ()) -> None:
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
        self._send({**body, "reason": REASONS.get(code, "InternalError")}, code, headers)

    def _send(self, answer: dict[str, Any], code: int = 200, headers: Any = ()) -> None:
        self._raw(code, json.dumps(answer).encode(), "application/json", headers)

    def _raw(self, code: int, body: bytes, content_type: str, headers: Any = ()) -> None:
        more = dict(headers)
        if len(body) > GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            body, more["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        self._head(code, content_type, len(body), more)
        self.wfile.write(body)

    def _head(self, code: int, content_type: str, length: int, headers: Any = ()) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": content_type, "Content-Length": str(length), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _aggregated(self) -> dict[str, Any]:
        items = [
            {
                "metadata": {"name": group},
                "versions": [
                    {"version": version, "freshness": "Current", "resources": [_discovered(kind) for kind in kinds]}
                    for version, kinds in versions.items()
                ],
            }
            for group, versions in self._served().items()
        ]
        return {"kind": "APIGroupDiscoveryList", "apiVersion": f"{AGGREGATED}/v2", "metadata": {}, "items": items}

    def _groups(self) -> dict[str, Any]:
        groups = []
        for group, versions in self._served().items():
            named = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
            groups.append({"name": group, "versions": named, "preferredVersion": named[0]})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def _resources(self, group: str, version: str) -> dict[str, Any]:
        kinds = self._served().get(group, {}).get(version, [])
        resources = [
            {"name": name, "kind": kind.name, "namespaced": kind.namespaced, "verbs": verbs}
            for kind in kinds
            for name, verbs in ((kind.plural, VERBS), (f"{kind.plural}/status", ["get", "patch"]))
        ]
        return {"kind": "APIResourceList", "groupVersion": f"{group}/{version}", "resources": resources}

    def _served(self) -> dict[str, dict[str, list[Kind]]]:
        found: dict[str, dict[str, list[Kind]]] = {}
        for kind, versions in self.server.served.items():
            for version in versions if kind.group else ():
                found.setdefault(kind.group, {}).setdefault(version, []).append(kind)
        return found


def _discovered(kind: Kind) -> dict[str, Any]:
    response = {"group": kind.group, "version": "", "kind": kind.name}
    return {"resource": kind.plural, "responseKind": response, "verbs": VERBS}
