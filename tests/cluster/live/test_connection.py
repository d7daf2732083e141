"""Connecting: every way to log in, and one clear line for every way not to."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.cluster.live.connection import Connection, connect
from grpcdoctor.cluster.live.errors import ClusterError, NoClusterError
from grpcdoctor.cluster.live.kubeconfig import cluster_at_hand
from grpcdoctor.cluster.live.reader import read_cluster
from tests.lab.certificates import lab_certificates
from tests.lab.kube_api import TOKEN, Fault, KubeApi, running_kube_api, unreachable_port, write_kubeconfig

PLUGIN = "client.authentication.k8s.io/v1"


def refusal(kubeconfig: Path | str | None, context: str | None = None) -> str:
    """The one line that says why there is no connection."""
    with pytest.raises(ClusterError) as refused:
        connect(context, str(kubeconfig) if kubeconfig else None, timeout_seconds=2)
    text = str(refused.value)
    assert TOKEN not in text
    assert "\n" not in text
    return text


def program(path: Path, script: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def jwt(**claims: Any) -> str:
    """An unsigned JWT."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
    return ".".join([*parts, "c2ln"])


def test_without_a_kubeconfig_and_outside_a_pod_there_is_no_cluster() -> None:
    assert not cluster_at_hand()
    with pytest.raises(NoClusterError, match="no cluster: neither KUBECONFIG nor"):
        connect()


@pytest.mark.parametrize("value", [os.devnull, "/does/not/exist"])
def test_a_kubeconfig_variable_that_names_nothing_is_no_cluster(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", value)
    assert not cluster_at_hand()


def test_to_know_that_there_is_no_cluster_loads_no_kubernetes(tmp_path: Path) -> None:
    program = """
import sys
from grpcdoctor.cluster.live.connection import connect
from grpcdoctor.cluster.live.errors import NoClusterError
from grpcdoctor.cluster.live.kubeconfig import cluster_at_hand
assert not cluster_at_hand()
try:
    connect()
except NoClusterError:
    print([name for name in ("kubernetes", "urllib3", "yaml", "cryptography") if name in sys.modules])
"""
    environment = {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout.strip() == "[]"


def test_a_token_in_the_kubeconfig_logs_in(api: KubeApi, tmp_path: Path) -> None:
    with connect(kubeconfig=str(api.kubeconfig(tmp_path, namespace="prod"))) as connection:
        assert (connection.context, connection.server, connection.namespace) == ("lab", api.url, "prod")
        assert connection.version == "v1.33.1"
        assert TOKEN not in repr(connection)
    assert api.requests == ["GET /version"]


def test_the_global_configuration_of_the_client_library_is_left_alone(api: KubeApi, tmp_path: Path) -> None:
    from kubernetes.client import Configuration

    default: Any = Configuration
    connect(kubeconfig=str(api.kubeconfig(tmp_path))).close()
    assert default._default is None


def test_https_with_the_ca_of_the_kubeconfig_logs_in(tmp_path: Path) -> None:
    with running_kube_api(tls=True) as api, connect(kubeconfig=str(api.kubeconfig(tmp_path))) as connection:
        assert connection.server.startswith("https://127.0.0.1:")


@pytest.mark.parametrize("trusted", ["plain_ca", "plain"], ids=["root", "certificate"])
def test_a_certificate_that_kubectl_accepts_is_accepted(trusted: str, tmp_path: Path) -> None:
    """Without key identifiers, which Python 3.13 wants by default; and where it is trusted itself, not its root."""
    certificates = lab_certificates()
    file = certificates.plain_ca if trusted == "plain_ca" else certificates.plain.cert
    with running_kube_api(tls=True, certificate=certificates.plain) as api:
        kubeconfig = api.kubeconfig(tmp_path, cluster={"certificate-authority": str(file)})
        with connect(kubeconfig=str(kubeconfig)) as connection:
            assert connection.version


def test_no_verification_is_no_warning(tmp_path: Path) -> None:
    """pytest makes an error of every warning."""
    with running_kube_api(tls=True) as api:
        cluster = {"server": api.url, "insecure-skip-tls-verify": True}
        connect(kubeconfig=str(write_kubeconfig(tmp_path / "k", cluster, {"token": TOKEN}))).close()


def test_several_files_count_together_and_paths_are_those_of_their_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "ca.pem").write_bytes(lab_certificates().ca.read_bytes())
    with running_kube_api(tls=True) as api:
        cluster = {"server": api.url, "certificate-authority": "ca.pem"}
        whole = write_kubeconfig(tmp_path / "apart" / "kubeconfig", cluster, {"token": TOKEN})
        other = tmp_path / "first"
        other.write_text("current-context: lab\nkind: Config\n")
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (tmp_path / "missing", other, whole))))
        with connect() as connection:
            assert connection.context == "lab"


def test_the_usual_place_of_a_kubeconfig_is_found(api: KubeApi, home: Path) -> None:
    (home / ".kube").mkdir()
    api.kubeconfig(home).rename(home / ".kube" / "config")
    assert cluster_at_hand()
    connect().close()


def test_a_pod_logs_in_with_its_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = home / "account"
    account.mkdir()
    (account / "token").write_text(TOKEN)
    (account / "namespace").write_text("shop\n")
    (account / "ca.crt").write_bytes(lab_certificates().ca.read_bytes())
    with running_kube_api(tls=True) as api:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api.port))
        assert cluster_at_hand()
        with connect() as connection:
            assert (connection.context, connection.namespace) == ("in-cluster", "shop")
        assert "there is no kubeconfig to look for it" in refusal(None, "lab")


def test_an_exec_plugin_logs_in(api: KubeApi, tmp_path: Path) -> None:
    credential = {"apiVersion": PLUGIN, "kind": "ExecCredential", "status": {"token": TOKEN}}
    plugin = program(tmp_path / "plugin", f"echo '{json.dumps(credential)}'")
    user = {"exec": {"apiVersion": PLUGIN, "command": f"./{plugin.name}", "interactiveMode": "Never"}}
    connect(kubeconfig=str(api.kubeconfig(tmp_path, user))).close()


def test_an_exec_plugin_that_is_missing_is_said_with_its_hint(api: KubeApi, tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": PLUGIN, "command": "no-such-login", "installHint": "Get it from\nyour cloud."}}
    assert refusal(api.kubeconfig(tmp_path, user)) == (
        "context lab logs in with the program no-such-login, which is not installed or not in PATH; "
        "Get it from your cloud."
    )
    assert api.requests == []


def test_an_exec_plugin_that_fails_is_said_with_its_own_words(
    api: KubeApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plugin = program(tmp_path / "plugin", "echo 'the sign-in has expired: run cloud login' >&2; exit 3")
    user = {"exec": {"apiVersion": PLUGIN, "command": str(plugin)}}
    assert refusal(api.kubeconfig(tmp_path, user)) == (
        f"context lab: the login program {plugin} failed: exec: process returned 3. "
        "the sign-in has expired: run cloud login; run it by hand, or log in anew, and try again"
    )
    assert capfd.readouterr() == ("", "")


def test_an_oidc_token_logs_in_as_long_as_it_is_valid(api: KubeApi, tmp_path: Path) -> None:
    token = jwt(exp=time.time() + 3600)
    api.tokens.add(token)
    provider = {"name": "oidc", "config": {"id-token": token, "idp-issuer-url": api.url, "client-id": "kubectl"}}
    connect(kubeconfig=str(api.kubeconfig(tmp_path, {"auth-provider": provider}))).close()


def test_an_oidc_token_that_cannot_be_refreshed_is_said(api: KubeApi, tmp_path: Path) -> None:
    config = {"id-token": jwt(exp=1_600_000_000), "idp-issuer-url": f"http://127.0.0.1:{unreachable_port()}"}
    text = refusal(api.kubeconfig(tmp_path, {"auth-provider": {"name": "oidc", "config": config}}))
    assert text.startswith("context lab: the kubeconfig cannot be used (")


def test_an_auth_provider_of_the_past_is_said(api: KubeApi, tmp_path: Path) -> None:
    text = refusal(api.kubeconfig(tmp_path, {"auth-provider": {"name": "azure", "config": {}}}))
    assert text.startswith("context lab: the auth-provider azure is no longer supported; let its tool write")


def test_impersonation_is_asked_for(api: KubeApi, tmp_path: Path) -> None:
    user = {"token": TOKEN, "as": "jane", "as-groups": ["dev", "ops"]}
    connect(kubeconfig=str(api.kubeconfig(tmp_path, user))).close()
    assert api.headers[0]["impersonate-user"] == "jane"
    assert "impersonate-group" in api.headers[0]


def test_refused_credentials_are_said_with_the_moment_of_their_end(api: KubeApi, tmp_path: Path) -> None:
    expired = api.kubeconfig(tmp_path, {"token": jwt(exp=1_600_000_000)})
    assert refusal(expired) == (
        f"lab: 127.0.0.1:{api.port} does not accept the credentials (HTTP 401): the token expired at 2020-09-13 12:26 "
        "UTC; log in anew until `kubectl get --raw /version` works"
    )
    assert "they have expired or were revoked" in refusal(api.kubeconfig(tmp_path, {"token": "opaque"}))


def test_a_server_that_keeps_its_version_to_itself_is_one_all_the_same(api: KubeApi, tmp_path: Path) -> None:
    api.fail("version", Fault(403))
    with connect(kubeconfig=str(api.kubeconfig(tmp_path))) as connection:
        assert connection.version == ""


def test_a_server_that_is_busy_for_a_moment_is_asked_again(api: KubeApi, tmp_path: Path) -> None:
    api.fail("version", Fault(503, times=1))
    api.fail("version", Fault(way="dropped", times=1))
    connect(kubeconfig=str(api.kubeconfig(tmp_path))).close()
    assert len(api.requests) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(way="html"), "HTTP 200 with text/html instead of JSON: no Kubernetes API server, or a login page or a"),
        (Fault(500), "cannot be asked now: HTTP 500: the lab says 500 (4 attempts)"),
        (Fault(way="slow"), "the time for it was over"),
    ],
    ids=["html", "500", "slow"],
)
def test_a_server_that_is_no_use_is_said(api: KubeApi, tmp_path: Path, fault: Fault, words: str) -> None:
    api.fail("version", fault)
    assert words in refusal(api.kubeconfig(tmp_path))


def test_a_server_where_nothing_listens_is_said(tmp_path: Path) -> None:
    port = unreachable_port()
    kubeconfig = write_kubeconfig(tmp_path / "k", {"server": f"https://127.0.0.1:{port}"}, {"token": TOKEN})
    assert refusal(kubeconfig) == (
        f"lab: nothing listens at 127.0.0.1:{port} (connection refused); does the cluster run, is the port right? "
        "(4 attempts)"
    )


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ({"certificate-authority": str(lab_certificates().foreign_ca)}, "no CA in the kubeconfig signed it; write the"),
        ({"tls-server-name": "other.example.test"}, "it is for another name; use a `server` that it names, or set"),
    ],
    ids=["CA", "name"],
)
def test_a_certificate_that_is_not_accepted_is_said(tmp_path: Path, cluster: dict[str, str], words: str) -> None:
    with running_kube_api(tls=True) as api:
        text = refusal(api.kubeconfig(tmp_path, cluster=cluster))
        assert text.startswith(f"lab: the certificate of 127.0.0.1:{api.port} is not accepted: ")
        assert words in text


def test_https_to_a_port_in_clear_is_said(api: KubeApi, tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "k", {"server": api.url.replace("http:", "https:")}, {"token": TOKEN})
    assert "does not speak TLS; is its URL http:// instead of https://?" in refusal(kubeconfig)


def test_a_connection_tells_nothing_of_a_password_in_its_url(tmp_path: Path) -> None:
    port = unreachable_port()
    cluster = {"server": f"http://me:pass-in-url@127.0.0.1:{port}"}
    assert "pass-in-url" not in refusal(write_kubeconfig(tmp_path / "k", cluster, {"token": TOKEN}))


def test_a_proxy_that_makes_no_sense_is_said_without_its_password(api: KubeApi, tmp_path: Path) -> None:
    kubeconfig = api.kubeconfig(tmp_path, cluster={"proxy-url": "nonsense://me:pass-in-url@127.0.0.1:1"})
    text = refusal(kubeconfig)
    assert "proxy-url" in text
    assert "pass-in-url" not in text


def test_a_proxy_where_nothing_listens_is_said(api: KubeApi, tmp_path: Path) -> None:
    cluster = {"proxy-url": f"http://me:pass-in-url@127.0.0.1:{unreachable_port()}"}
    text = refusal(api.kubeconfig(tmp_path, cluster=cluster))
    assert text.startswith(f"lab: the proxy on the way to 127.0.0.1:{api.port} fails; see HTTPS_PROXY, NO_PROXY and")
    assert "pass-in-url" not in text


def test_a_connection_is_only_for_reading() -> None:
    public = {name for name in vars(Connection) if not name.startswith("_")}
    # `review` is a POST that creates nothing, `access` is for the WebSocket of a port-forward.
    assert public == {"access", "address", "close", "get", "greet", "review"}


def test_reading_with_credentials_that_end_meanwhile_is_a_blind_spot(api: KubeApi, tmp_path: Path) -> None:
    with connect(kubeconfig=str(api.kubeconfig(tmp_path))) as connection:
        api.tokens.clear()
        cluster = read_cluster(connection)
    assert {spot.why for spot in cluster.blind_spots} == {"HTTP 401: Unauthorized"}
