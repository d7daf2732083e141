"""Names of our own for one command: a mount namespace in which /etc/hosts and /etc/resolv.conf are ours.

    with names({"two.example.test": ["127.0.0.1", "127.0.0.2"]}) as prefix:
        subprocess.run([*prefix, sys.executable, "-m", "grpcdoctor", "probe", "two.example.test:50051"])

The network stays the caller's, so every server of the lab can be reached. Names outside the table fail with
EAI_AGAIN: the only nameserver is a port of this machine where nobody listens.
"""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.lab.processes import require_program, workdir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SCRIPT = 'mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"'


@contextlib.contextmanager
def names(table: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The words to put before a command; skips where this user may not make namespaces."""
    unshare = require_program("unshare")
    with workdir("names") as folder:
        lines = [f"{address} {name}" for name, addresses in table.items() for address in addresses]
        (folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]))
        (folder / "resolv.conf").write_text("nameserver 127.255.255.254\noptions timeout:1 attempts:1\n")
        prefix = [unshare, "--map-root-user", "--mount", "sh", "-c", _SCRIPT, str(folder)]
        tried = subprocess.run([*prefix, "true"], capture_output=True, timeout=10, check=False)
        if tried.returncode:
            pytest.skip(f"unshare may not mount here: {tried.stderr.decode().strip()}")
        yield prefix
