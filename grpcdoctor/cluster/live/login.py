"""Login: a configuration of the `kubernetes` client from a kubeconfig or a pod's account, never the global one."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from grpcdoctor.cluster.fields import at, mapping_at, text_at
from grpcdoctor.cluster.live.errors import ClusterError
from grpcdoctor.cluster.live.kubeconfig import ACCOUNT, Context
from grpcdoctor.model.redact import redact_text

_PROVIDERS: Final = ("gcp", "oidc")
_LONGEST: Final = 300
# The only texts of the client's exceptions that are shown: others quote the whole entry of the user, token and all.
_MISSING_FILE: Final = re.compile(r"File does not exist: (.+)")
_MISSING_KEY: Final = re.compile(r"Expected key (\S+) in")


def log_in(context: Context) -> Any:
    """The client's Configuration for this context. Runs the exec plugin that it names."""
    _refuse_what_cannot_work(context)
    configuration = _configuration()
    from kubernetes.config import load_kube_config

    load: Any = load_kube_config
    with _overheard() as said:
        try:
            # An OIDC token that is refreshed is written back, as kubectl does: the provider may have made the old
            # refresh token void, and then kubectl itself would be logged out.
            load(os.pathsep.join(map(str, context.files)), context.name, configuration)
        except Exception as error:  # yaml's, binascii's, OSError, requests' and the client's own
            raise ClusterError(f"context {context.name}: {_reason(error)}") from None
    if "exec" in context.user and not configuration.api_key and not configuration.cert_file:
        reason = "; ".join(said) or "it gave neither a token nor a certificate"
        raise ClusterError(
            f"context {context.name}: the login program {_command(context)} failed: "
            f"{redact_text(' '.join(reason.split()))[:_LONGEST]}; run it by hand, or log in anew, and try again"
        )
    return configuration


def log_in_as_pod() -> Any:
    """The client's Configuration for the service account of this pod; the token is read anew as it is rotated."""
    configuration = _configuration()
    from kubernetes.config.incluster_config import InClusterConfigLoader

    loader: Any = InClusterConfigLoader
    try:
        loader(str(ACCOUNT / "token"), str(ACCOUNT / "ca.crt")).load_and_set(configuration)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:_LONGEST]  # it names files and variables, no content
        raise ClusterError(f"the service account of this pod cannot be used: {reason}") from None
    return configuration


def impersonation(user: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers for `as`, `as-groups` and `as-uid`, which the client library does not know."""
    groups = at(user, "as-groups")
    found = [("Impersonate-User", text_at(user, "as")), ("Impersonate-Uid", text_at(user, "as-uid"))]
    found += [("Impersonate-Group", str(group)) for group in (groups if isinstance(groups, list) else ())]
    return [(name, value) for name, value in found if value]


def _configuration() -> Any:
    from kubernetes.client import Configuration

    # Not Configuration(): older releases make a copy of the global default then.
    return type.__call__(Configuration)


def _refuse_what_cannot_work(context: Context) -> None:
    """The client library logs a line and goes on as an anonymous user."""
    provider = text_at(context.user, "auth-provider", "name")
    if provider and provider not in _PROVIDERS:
        raise ClusterError(
            f"context {context.name}: the auth-provider {provider} is no longer supported; let its tool write a "
            "kubeconfig with an exec plugin (for azure: kubelogin convert-kubeconfig)"
        )
    if "exec" not in context.user or context.user.get("token"):
        return
    command = _command(context)
    folders = context.folder if os.sep in command else None
    found = shutil.which(str(folders / command) if folders else command)
    if found is None:
        hint = " ".join(text_at(context.user, "exec", "installHint").split())[:_LONGEST]
        raise ClusterError(
            f"context {context.name} logs in with the program {command or '(none)'}, which is not installed or not in "
            f"PATH; {hint or 'install it, or choose another --context'}"
        )


def _command(context: Context) -> str:
    return text_at(mapping_at(context.user, "exec"), "command")


def _reason(error: Exception) -> str:
    text = str(error)
    if found := _MISSING_FILE.search(text):
        return f"the kubeconfig names the file {found[1]}, which does not exist"
    if found := _MISSING_KEY.search(text):
        return f"the kubeconfig lacks {found[1]} where it is needed; write it anew: kubectl config view"
    if isinstance(error, OSError) and error.filename:
        return f"the kubeconfig names the file {error.filename}: {error.strerror}"
    return f"the kubeconfig cannot be used ({type(error).__name__}); does kubectl work with it?"


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What is logged as an error meanwhile: the only trace that a failed exec plugin leaves.

    That there is a handler also keeps logging.error() from setting one up that writes to our user's terminal.
    """
    said: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield said
    finally:
        root.removeHandler(handler)
