"""A kubeconfig that does not do is said in one line, which quotes nothing secret of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from grpcdoctor.cluster.live.connection import connect
from grpcdoctor.cluster.live.errors import ClusterError
from grpcdoctor.cluster.live.kubeconfig import read_context

SECRET = "token-that-nobody-may-see"
CONFIG: dict[str, Any] = {
    "current-context": "staging",
    "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": SECRET}}],
    "contexts": [
        {"name": "staging", "context": {"cluster": "a", "user": "u", "namespace": "shop"}},
        {"name": "production", "context": {"cluster": "a", "user": "u"}},
    ],
}


def refusal(path: Path, text: str | dict[str, Any], context: str | None = None) -> str:
    path.write_text(text if isinstance(text, str) else yaml.safe_dump(text))
    with pytest.raises(ClusterError) as refused:
        connect(context, str(path), timeout_seconds=1)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    return str(refused.value).removeprefix(f"{path}: ")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def test_an_unknown_context_is_said_with_those_that_exist(path: Path) -> None:
    assert refusal(path, CONFIG, "prodution") == (
        "there is no context prodution; did you mean production?; there are: production, staging"
    )


def test_many_contexts_are_not_all_named(path: Path) -> None:
    contexts = [{"name": f"c{number:02}", "context": {}} for number in range(14)]
    assert refusal(path, {**CONFIG, "contexts": contexts}, "zzz").endswith("c08, c09 and 4 more")


def test_a_kubeconfig_without_a_current_context_asks_for_one(path: Path) -> None:
    without = {key: value for key, value in CONFIG.items() if key != "current-context"}
    assert refusal(path, without) == "no current-context; choose one with --context: production, staging"


def test_a_context_of_a_cluster_that_is_not_there_is_said(path: Path) -> None:
    assert refusal(path, {**CONFIG, "clusters": None}) == "context staging names the cluster a, which is not there"


def test_a_cluster_without_a_server_is_said(path: Path) -> None:
    clusters = [{"name": "a", "cluster": {}}]
    assert refusal(path, {**CONFIG, "clusters": clusters}).startswith("cluster a has no server; set it: kubectl config")


def test_what_is_no_yaml_is_said_with_its_line(path: Path) -> None:
    text = f"users:\n- name: u\n  user: {{token: {SECRET}: {SECRET}}}\n"
    assert refusal(path, text) == "no valid YAML at line 3; try: kubectl config view"


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "\n\n"])
def test_what_is_no_kubeconfig_is_said(path: Path, text: str) -> None:
    assert refusal(path, text) == "not a kubeconfig; it has no clusters, users and contexts"


def test_a_missing_or_empty_file_that_was_named_is_said(path: Path) -> None:
    assert refusal(path, "") == "no such kubeconfig, or it is empty; see --kubeconfig"
    with pytest.raises(ClusterError, match="no such kubeconfig"):
        connect(kubeconfig=str(path.with_name("missing")))


def test_a_file_that_the_kubeconfig_names_and_that_is_missing_is_said(path: Path) -> None:
    users = [{"name": "u", "user": {"client-certificate": "gone.pem", "client-key-data": SECRET}}]
    text = refusal(path, {**CONFIG, "users": users})
    assert text == f"context staging: the kubeconfig names the file {path.with_name('gone.pem')}, which does not exist"
    users = [{"name": "u", "user": {"tokenFile": "gone.token"}}]
    assert "gone.token: No such file or directory" in refusal(path, {**CONFIG, "users": users})


def test_an_entry_that_lacks_a_field_is_not_quoted(path: Path) -> None:
    """The client library's own message holds the whole entry of the user."""
    provider = {"name": "oidc", "config": {"client-secret": SECRET}}
    users = [{"name": "u", "user": {"auth-provider": provider}}]
    assert refusal(path, {**CONFIG, "users": users}) == (
        "context staging: the kubeconfig lacks id-token where it is needed; write it anew: kubectl config view"
    )


def test_data_that_is_no_base64_is_said(path: Path) -> None:
    clusters = [{"name": "a", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "%%%"}}]
    text = refusal(path, {**CONFIG, "clusters": clusters})
    assert text.startswith(("context staging: the kubeconfig cannot be used (Error)", "staging: "))


def test_of_two_files_the_first_to_name_a_thing_counts(tmp_path: Path) -> None:
    """As with kubectl; the client library takes the last current-context."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(yaml.safe_dump(CONFIG))
    second.write_text(yaml.safe_dump({**CONFIG, "current-context": "production"}))
    context = read_context((first, second), None)
    assert (context.name, context.namespace) == ("staging", "shop")
    assert SECRET not in repr(context)
