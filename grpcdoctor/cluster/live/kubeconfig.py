"""Kubeconfig: which files there are, and what the chosen context says. Loads nothing of `kubernetes`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from grpcdoctor.cluster.fields import mapping_at, mappings_at, text_at
from grpcdoctor.cluster.live.errors import ClusterError

ACCOUNT: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds the token, the CA and the namespace of its service account."""
DEFAULT_NAMESPACE: Final = "default"
_DEFAULT_FILE: Final = "~/.kube/config"
_MOST_NAMES: Final = 10


@dataclass(frozen=True, slots=True, repr=False)
class Context:
    """One context of a kubeconfig with the user and the cluster that it names. No repr: the user has credentials."""

    name: str
    namespace: str
    server: str
    user_name: str
    user: dict[str, Any]
    folder: Path
    """Relative paths start here: the folder of the file that defines the cluster."""
    files: tuple[Path, ...]


def cluster_at_hand(kubeconfig: str | None = None) -> bool:
    """Whether there is a cluster to connect to, at the price of a look at two files.

    True as well for a `kubeconfig` that was named and is missing: `connect` says so.
    """
    return kubeconfig is not None or bool(kubeconfig_files()) or in_a_pod()


def kubeconfig_files(kubeconfig: str | None = None) -> tuple[Path, ...]:
    """The files of `kubeconfig`, else of KUBECONFIG, else ~/.kube/config: those that are there and not empty."""
    listed = kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT_FILE
    paths = (Path(part).expanduser() for part in listed.split(os.pathsep) if part)
    return tuple(path for path in paths if _has_content(path))


def in_a_pod() -> bool:
    """Whether Kubernetes has given this process a service account."""
    named = os.environ.get("KUBERNETES_SERVICE_HOST") and os.environ.get("KUBERNETES_SERVICE_PORT")
    return bool(named) and (ACCOUNT / "token").is_file()


def read_context(files: Sequence[Path], wanted: str | None) -> Context:
    """The wanted context, or the current one. Of two entries with one name the first counts, as with kubectl."""
    documents = [(path, _document(path)) for path in files]
    shown = ", ".join(map(str, files))
    contexts = _entries(documents, "contexts")
    name = wanted or next((text for _, raw in documents if (text := text_at(raw, "current-context"))), "")
    if not name:
        raise ClusterError(f"{shown}: no current-context; choose one with --context: {_names(contexts)}")
    if name not in contexts:
        guess = get_close_matches(name, contexts, 1)
        hint = f"; did you mean {guess[0]}?" if guess else ""
        raise ClusterError(f"{shown}: there is no context {name}{hint}; there are: {_names(contexts)}")
    context = mapping_at(contexts[name][1], "context")
    clusters, users = _entries(documents, "clusters"), _entries(documents, "users")
    cluster_name, user_name = text_at(context, "cluster"), text_at(context, "user")
    if cluster_name not in clusters:
        raise ClusterError(f"{shown}: context {name} names the cluster {cluster_name or '(none)'}, which is not there")
    path, cluster = clusters[cluster_name]
    server = text_at(cluster, "cluster", "server")
    if not server:
        raise ClusterError(f"{shown}: cluster {cluster_name} has no server; set it: kubectl config set-cluster")
    user = mapping_at(users[user_name][1], "user") if user_name in users else {}
    namespace = text_at(context, "namespace") or DEFAULT_NAMESPACE
    return Context(name, namespace, server, user_name, user, path.absolute().parent, tuple(files))


def _has_content(path: Path) -> bool:
    """KUBECONFIG=/dev/null is a usual way to say that there is no cluster."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _document(path: Path) -> Any:
    import yaml

    try:
        raw = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise ClusterError(f"{path}: cannot be read ({error.strerror}); mend its permissions") from None
    except (yaml.YAMLError, ValueError) as error:
        # Never the text of the error: it quotes the file, and a credential may stand in that line.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise ClusterError(f"{path}: no valid YAML{where}; try: kubectl config view") from None
    if not isinstance(raw, dict):
        raise ClusterError(f"{path}: not a kubeconfig; it has no clusters, users and contexts")
    return raw


def _entries(documents: Iterable[tuple[Path, Any]], section: str) -> dict[str, tuple[Path, dict[str, Any]]]:
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path, raw in documents:
        for _, entry in mappings_at(raw, section):
            found.setdefault(text_at(entry, "name"), (path, entry))
    return found


def _names(contexts: Iterable[str]) -> str:
    names = sorted(contexts)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more if names else "none"
