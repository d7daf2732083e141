"""A real kube-apiserver on a real etcd, with the CRDs of Istio and of the Gateway API: a cluster without nodes.

with running_api_server() as cluster:
    cluster.apply(objects)
    cluster.kubeconfig

No controller runs: what one would write (EndpointSlices, the status of anything) is applied like all the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.lab.certificates import lab_certificates
from tests.lab.gateway import starting
from tests.lab.processes import LOOPBACK, ROOT, StartError, free_port, run, workdir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

READY_SECONDS = 60.0  # kube-apiserver needs four on an idle machine
CRD_SECONDS = 30.0
REQUEST_SECONDS = 30.0
CLUSTER_HOME = ROOT / ".tools" / "cluster"
PROGRAMS = ("etcd", "kube-apiserver")
ADMIN_TOKEN = "lab-admin-token"

_FastLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # two megabytes: 2 s without C

Manifest = dict[str, Any]


class ApiError(Exception):
    """The API server refused a request of the lab's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status


@dataclass(frozen=True)
class ApiServer:
    """A running API server. Whoever has `kubeconfig` may do everything."""

    port: int
    folder: Path
    _resources: dict[str, list[Manifest]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """`https://127.0.0.1:port`."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig file of the administrator's."""
        return self.kubeconfig_of("admin", ADMIN_TOKEN)

    def kubeconfig_of(self, user: str, token: str, namespace: str = "default") -> Path:
        """A kubeconfig file with this bearer token."""
        path = self.folder / f"{user}.kubeconfig"
        certificate_authority = str(lab_certificates().ca)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "clusters": [
                {"name": "lab", "cluster": {"server": self.url, "certificate-authority": certificate_authority}}
            ],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": "lab", "user": user, "namespace": namespace}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def restricted_kubeconfig(
        self, name: str, rules: Sequence[Mapping[str, Sequence[str]]], namespace: str = "", home: str = "default"
    ) -> Path:
        """The kubeconfig of a service account of `home` that may do what these RBAC rules say and nothing else.

        `rules` holds `{"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list"]}` and the like; they hold
        in one namespace where one is given, in all of them otherwise. No rules: every request is a 403.
        """
        role, binding = ("Role", "RoleBinding") if namespace else ("ClusterRole", "ClusterRoleBinding")
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        rbac = "rbac.authorization.k8s.io"
        self.apply(
            [
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": home}},
                {"apiVersion": f"{rbac}/v1", "kind": role, "metadata": metadata, "rules": list(rules)},
                {
                    "apiVersion": f"{rbac}/v1",
                    "kind": binding,
                    "metadata": metadata,
                    "roleRef": {"apiGroup": rbac, "kind": role, "name": name},
                    "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": home}],
                },
            ]
        )
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = self.request("POST", f"/api/v1/namespaces/{home}/serviceaccounts/{name}/token", request)
        return self.kubeconfig_of(name, answer["status"]["token"], namespace or "default")

    def apply(self, objects: str | Sequence[Manifest]) -> list[Manifest]:
        """Creates or updates these objects (dicts, or YAML documents in one text), their status too.

        Namespaces that they name are created; CRDs among them are served when this returns. The order is yours.
        """
        manifests = [each for each in yaml.safe_load_all(objects) if each] if isinstance(objects, str) else objects
        for namespace in sorted({each["metadata"].get("namespace", "default") for each in manifests} - {"default"}):
            self._apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        applied = [self._apply(each) for each in manifests]
        for each in applied:
            if each["kind"] == "CustomResourceDefinition":
                self._wait_until_served(each["metadata"]["name"])
        return applied

    def delete(self, objects: Sequence[Manifest]) -> None:
        """Deletes these objects; one that is not there is no error. (Nothing empties a namespace: no controller.)"""
        for each in objects:
            with contextlib.suppress(KeyError):
                path, _ = self._path_of(each)
                self._tolerate(404, "DELETE", path)

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """What the API server answers to the administrator."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            context = ssl.create_default_context(cafile=str(lab_certificates().ca))
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=context) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(error.code, f"{method} {path}: {error.read().decode(errors='replace')}") from None
        return json.loads(text) if text.startswith(b"{") else text.decode()

    def _apply(self, manifest: Manifest) -> Manifest:
        path, has_status = self._path_of(manifest)
        applied: Manifest = self._patch(path, manifest)
        if has_status and "status" in manifest:
            applied = self._patch(f"{path}/status", manifest)
        return applied

    def _patch(self, path: str, manifest: Manifest) -> Any:
        return self.request("PATCH", f"{path}?fieldManager=lab&force=true", manifest, "application/apply-patch+yaml")

    def _tolerate(self, status: int, method: str, path: str) -> None:
        try:
            self.request(method, path)
        except ApiError as error:
            if error.status != status:
                raise

    def _path_of(self, manifest: Manifest) -> tuple[str, bool]:
        """The path of an object, and whether its status has a path of its own."""
        version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if not any(each["kind"] == kind for each in self._resources.get(root, [])):
            self._resources[root] = self.request("GET", root)["resources"]
        plain = [each for each in self._resources[root] if each["kind"] == kind and "/" not in each["name"]]
        if not plain:
            raise KeyError(f"{version} serves no {kind}")
        plural = plain[0]["name"]
        scope = f"/namespaces/{metadata.get('namespace', 'default')}" if plain[0]["namespaced"] else ""
        has_status = any(each["name"] == f"{plural}/status" for each in self._resources[root])
        return f"{root}{scope}/{plural}/{metadata['name']}", has_status

    def _wait_until_served(self, name: str) -> None:
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        deadline = time.monotonic() + CRD_SECONDS
        while time.monotonic() < deadline:
            crd = self.request("GET", path)
            conditions = crd.get("status", {}).get("conditions", [])
            if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
                group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
                served = [each["name"] for each in crd["spec"]["versions"] if each["served"]]
                if all(self._serves(f"/apis/{group}/{version}", plural) for version in served):
                    return
            time.sleep(0.05)
        raise StartError(f"the CRD {name} was not served after {CRD_SECONDS:g} s")

    def _serves(self, root: str, plural: str) -> bool:
        with contextlib.suppress(ApiError):
            return any(each["name"] == plural for each in self.request("GET", root)["resources"])
        return False


def require_api_server() -> Path:
    """The folder with etcd and kube-apiserver; the calling test is skipped where there is none."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    folder = Path(named) if named else CLUSTER_HOME / "bin"
    if not all((folder / name).is_file() for name in PROGRAMS):
        pytest.skip("kube-apiserver is not installed (KUBEBUILDER_ASSETS)")
    return folder


@contextlib.contextmanager
def running_api_server(crds: bool = True) -> Iterator[ApiServer]:
    """An API server until the block ends, with all CRDs of install_cluster.sh unless told otherwise."""
    programs = require_api_server()
    with (
        workdir("cluster") as folder,
        starting(lambda: _etcd(programs, folder)) as etcd,
        starting(lambda: _kube_apiserver(programs, folder, etcd)) as port,
    ):
        cluster = ApiServer(port, folder)
        if crds:
            cluster.apply(lab_crds(programs))
        yield cluster


def lab_crds(programs: Path) -> list[Manifest]:
    """The CRDs that install_cluster.sh put beside the programs, or into its own folder."""
    folder = programs.parent / "crds"
    files = sorted((folder if folder.is_dir() else CLUSTER_HOME / "crds").glob("*.yaml"))
    documents = [each for file in files for each in yaml.load_all(file.read_text(), _FastLoader) if each]
    return [each for each in documents if each["kind"] == "CustomResourceDefinition"]


@contextlib.contextmanager
def _etcd(programs: Path, folder: Path) -> Iterator[int]:
    port, peer_port = free_port(), free_port()
    client, peer = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer_port}"
    command = [str(programs / "etcd"), "--name=lab", f"--data-dir={folder / f'etcd-{port}'}", "--unsafe-no-fsync"]
    command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
    command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=lab={peer}"]
    command += ["--log-level=error"]
    with _patiently("etcd", command, folder, lambda: _ok(f"{client}/health")):
        yield port


@contextlib.contextmanager
def _kube_apiserver(programs: Path, folder: Path, etcd_port: int) -> Iterator[int]:
    port, certificates = free_port(), lab_certificates()
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{ADMIN_TOKEN},admin,admin,system:masters\n")
    command = [str(programs / "kube-apiserver"), f"--etcd-servers=http://{LOOPBACK}:{etcd_port}"]
    command += [f"--bind-address={LOOPBACK}", f"--advertise-address={LOOPBACK}", f"--secure-port={port}"]
    command += [f"--tls-cert-file={certificates.good.cert}", f"--tls-private-key-file={certificates.good.key}"]
    command += [f"--token-auth-file={tokens}", "--authorization-mode=RBAC", "--service-cluster-ip-range=10.0.0.0/16"]
    command += ["--service-account-issuer=https://kubernetes.default.svc.cluster.local"]
    command += [f"--service-account-key-file={certificates.good.cert}"]
    command += [f"--service-account-signing-key-file={certificates.good.key}"]
    # Without a controller there is no default account for pods; and a loopback address is no endpoint for them.
    command += ["--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none"]
    command += ["--allow-privileged=true", "--enable-priority-and-fairness=false", "--profiling=false"]
    ready = f"https://{LOOPBACK}:{port}/readyz"
    with _patiently("kube-apiserver", command, folder, lambda: _ok(ready)):
        yield port


@contextlib.contextmanager
def _patiently(name: str, command: list[str], folder: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """Like processes.run, for a server that needs more than ten seconds on a busy machine."""
    log = folder / f"{name}.log"
    into_log = ["sh", "-c", 'exec >"$0" 2>&1; exec "$@"', str(log), *command]
    with run(name, into_log, lambda: True) as process:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                what = "ended while it started" if ended else f"was not ready after {READY_SECONDS:g} s"
                raise StartError(f"{name} {what}\n$ {subprocess.list2cmdline(command)}\n{log.read_text()[-4000:]}")
            time.sleep(0.05)
        yield


def _ok(url: str) -> bool:
    context = ssl.create_default_context(cafile=str(lab_certificates().ca))
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5, context=context) as answer:
        return bool(answer.status == 200)
    return False
