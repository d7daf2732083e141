"""The Envoy that a word on the command line means, and how its admin port is reached: the one place that knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from grpcdoctor.diagnosis.envoy_hearing import AskedEnvoy

_IN_A_CLUSTER: Final = ("pod/", "gateway/")


def asked_envoy(word: str, option: str = "--envoy") -> AskedEnvoy:
    """A running Envoy, to be read before and after a probe. Raises click.UsageError."""
    from grpcdoctor.diagnosis.envoy_hearing import AskedEnvoy
    from grpcdoctor.envoy.admin import AdminError, connect_to

    if word.startswith(_IN_A_CLUSTER):
        raise click.UsageError(
            f"{option}: {word} is not reached from here; forward its admin port (kubectl -n NAMESPACE port-forward "
            f"pod/NAME 15000) and give {option} localhost:15000"
        )
    if word == "-" or os.path.exists(word):
        raise click.UsageError(
            f"{option}: {word} is saved, and a probe needs a running Envoy to see what it counts meanwhile; give its "
            f"admin address, or read the file with grpcdoctor envoy {word}"
        )
    try:
        connect, host = connect_to(word)
    except AdminError as wrong:
        raise click.UsageError(f"{option}: {wrong}") from wrong
    return AskedEnvoy(word, connect, host)
