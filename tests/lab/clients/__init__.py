"""Real clients, each in a process of its own: what do they say of a call that fails?

    words("grpc-go", [Call("refused", "127.0.0.1:1", tls=False)])["refused"]

A client that is not installed skips the test and is named.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.lab.certificates import lab_certificates
from tests.lab.interop import JAVA_CLASS_PATH, JAVA_OPTIONS
from tests.lab.processes import GRPC_JS_HOME, ROOT, require_program

HERE: Final = Path(__file__).parent
HELLO: Final = "/lab.Greeter/SayHello"
CLIENTS: Final = ("grpcio", "grpcurl", "grpc-js", "grpc-go", "grpc-java")
_PATIENCE_SECONDS: Final = 90


@dataclass(frozen=True)
class Call:
    """One unary call with an empty request."""

    name: str
    address: str
    tls: bool = False
    method: str = HELLO
    authority: str = ""
    seconds: float = 3.0
    ca: str = ""

    def described(self) -> dict[str, object]:
        """As the clients take it."""
        return {**asdict(self), "ca": self.ca or str(lab_certificates().ca)}


def words(client: str, calls: Sequence[Call]) -> dict[str, str]:
    """name -> what this client prints of that call; empty where it went well."""
    if client == "grpcurl":
        return _grpcurl(calls)
    done = subprocess.run(
        _COMMANDS[client](),
        input=json.dumps([call.described() for call in calls]),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


def _grpcurl(calls: Sequence[Call]) -> dict[str, str]:
    program = require_program("grpcurl 1.8")  # the last that says why it cannot connect; 1.9.4 only waits

    def say(call: Call) -> str:
        given = call.described()
        security = ["-cacert", str(given["ca"])] if call.tls else ["-plaintext"]
        authority = ["-authority", call.authority] if call.authority else []
        command = [program, "-max-time", str(call.seconds), *security, *authority, "-d", "{}", call.address]
        done = subprocess.run(
            [*command, call.method.removeprefix("/")], capture_output=True, text=True, check=False, timeout=30
        )
        return done.stderr if done.returncode else ""

    with ThreadPoolExecutor(4) as threads:
        return dict(zip((call.name for call in calls), threads.map(say, calls), strict=True))


def _grpc_js() -> list[str]:
    require_program("@grpc/grpc-js")
    return [require_program("node"), str(HERE / "grpc_js_client.mjs"), str(GRPC_JS_HOME)]


def _grpc_java() -> list[str]:
    require_program("grpc-java")
    return [require_program("java"), *JAVA_OPTIONS, JAVA_CLASS_PATH, "lab.InteropClient"]


_COMMANDS: Final[dict[str, Callable[[], list[str]]]] = {
    "grpcio": lambda: [sys.executable, "-m", "tests.lab.clients.grpcio_client"],
    "grpc-js": _grpc_js,
    "grpc-go": lambda: [require_program("grpc-go"), "calls"],
    "grpc-java": _grpc_java,
}
