"""Twins: a Service with an address of its own beside a headless one, for the same port of the same pods."""

from __future__ import annotations

from typing import Any

from grpcdoctor.cluster.services import Service, ServicePort, services_selecting
from grpcdoctor.cluster.snapshot import Cluster


def common_twin(cluster: Cluster, service: Service, port: ServicePort) -> Service | None:
    """A Service with an address of its own for the same port of the same pods."""
    for workload in service.workloads[:1]:
        number = port.number_in(workload)
        for other in services_selecting(cluster, workload):
            if not other.is_headless and any(number in its.target_numbers for its in other.ports):
                return other
    return None


def balanced_manifest(service: Service) -> dict[str, Any]:
    """The same Service with an address of its own."""
    ports = [dict(port.raw) for port in service.ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{service.name}-lb", "namespace": service.namespace},
        "spec": {"selector": dict(service.selector), "ports": ports},
    }
