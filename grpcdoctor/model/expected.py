"""Expected: what a proxy should speak to a Service by the objects of a cluster, to be compared with what it says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """One Service's port, as a proxy is told of it."""

    namespace: str
    name: str
    port: int
    protocol: str
    """"h2", "http/1.1" or "same-as-client"."""
    reason: str
    """`Service prod/greeter spec.ports[0].name = "grpc" selects HTTP/2`."""

    @property
    def title(self) -> str:
        return f"Service {self.namespace}/{self.name}"

    def is_cluster(self, name: str) -> bool:
        """Whether an Envoy cluster of this name is Istio's for this port: `outbound|50051|v1|greeter.prod.svc.…`."""
        parts = name.split("|")
        if len(parts) != 4 or parts[0] != "outbound":
            return False
        return parts[1] == str(self.port) and f"{parts[3]}.".startswith(f"{self.name}.{self.namespace}.svc.")
