"""The running Envoy that a word on the command line means, and how its admin port is reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from grpcdoctor.cli.envoy_pods import is_pod, pod_admin

if TYPE_CHECKING:
    from grpcdoctor.diagnosis.envoy_hearing import AskedEnvoy

_REACH_SECONDS: Final = 10.0
"""To find the admin port of a pod."""


@contextmanager
def asked_envoy(
    word: str | None, context: str | None = None, kubeconfig: str | None = None, option: str = "--envoy"
) -> Iterator[AskedEnvoy | None]:
    """A running Envoy, to be read before and after a probe; None where none is asked for. Raises click.UsageError."""
    if word is None:
        yield None
        return
    from grpcdoctor.diagnosis.envoy_hearing import AskedEnvoy
    from grpcdoctor.envoy.admin import AdminError, connect_to

    if is_pod(word) and not os.path.exists(word):
        with pod_admin(word, _REACH_SECONDS, context, kubeconfig) as admin:
            yield AskedEnvoy(admin.name, admin.connect)
        return
    if word == "-" or os.path.exists(word):
        raise click.UsageError(
            f"{option}: {word} is saved, and a probe needs a running Envoy to see what it counts meanwhile; give its "
            f"admin address, or read the file with grpcdoctor envoy {word}"
        )
    try:
        connect, host = connect_to(word)
    except AdminError as wrong:
        raise click.UsageError(f"{option}: {wrong}") from wrong
    yield AskedEnvoy(word, connect, host)
