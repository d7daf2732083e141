"""What the cases run against: the kitchen's servers and a few others, and the values of the %names% in a command."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.differential.payloads import as_base64, as_text
from tests.differential.peers import PEERS
from tests.lab.certificates import lab_certificates
from tests.lab.grpc_server import Options, grpc_servers
from tests.lab.kitchen_sink import kitchen
from tests.lab.processes import LOOPBACK, closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACEHOLDER = re.compile(r"%([a-z0-9_]+)(?::([a-z0-9_]+))?%")
_PAYLOADS = {"raw": as_base64, "text": as_text}
_STATUSES = {"up": "SERVING", "down": "NOT_SERVING", "unclear": "UNKNOWN", "gone": "SERVICE_UNKNOWN"}
HEALTH = {
    "healthy": Options(statuses=_STATUSES),
    "sick": Options(status="NOT_SERVING", statuses=_STATUSES),
    "without_health": Options(health=False),
    "guarded_health": Options(token="of-the-health"),
    "stuck_health": Options(stuck=True),
    "health_tls": Options(tls=True),
    "health_mutual_tls": Options(tls=True, client_certificates=True),
}
"""Servers with the standard health service, or without."""


@dataclass(frozen=True)
class Setting:
    """Values by the name that stands for them in a case: addresses, files."""

    values: dict[str, str]

    def fill(self, text: str) -> str:
        """Puts values in the place of `%name%`, and a payload in the place of `%raw:name%` (JSON) or `%text:name%`."""
        return _PLACEHOLDER.sub(lambda found: self._value(found[1], found[2]), text)

    def empty(self, text: str) -> str:
        """The way back: `%name%` in the place of every value, so that texts are the same on every machine."""
        for name, value in sorted(self.values.items(), key=lambda item: -len(item[1])):
            text = text.replace(value, f"%{name}%")
        return text

    def _value(self, name: str, of: str | None) -> str:
        return _PAYLOADS[name](of) if of else self.values[name]


@contextlib.contextmanager
def setting() -> Iterator[Setting]:
    """All servers, until the block ends."""
    certificates = lab_certificates()
    with kitchen() as running, grpc_servers(*HEALTH.values()) as healths, contextlib.ExitStack() as stack:
        peers = {name: stack.enter_context(peer()) for name, peer in PEERS.items()}
        yield Setting(
            {
                **running.addresses,
                "tls_port": running.addresses["tls"].rpartition(":")[2],
                "plain_port": running.addresses["plain"].rpartition(":")[2],
                **{name: f"{LOOPBACK}:{peer.port}" for name, peer in peers.items()},
                **{name: f"{LOOPBACK}:{server.port}" for name, server in zip(HEALTH, healths, strict=True)},
                "refused": f"{LOOPBACK}:{stack.enter_context(closed_port())}",
                "protoset": str(running.protoset),
                "partial_protoset": str(running.partial_protoset),
                "protos": str(running.protos),
                "ca": str(certificates.ca),
                "foreign_ca": str(certificates.foreign_ca),
                "server_cert": str(certificates.good.cert),
                "cert": str(certificates.client.cert),
                "key": str(certificates.client.key),
                "foreign_cert": str(certificates.client_foreign.cert),
                "foreign_key": str(certificates.client_foreign.key),
            }
        )
