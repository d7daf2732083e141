"""ProbeOptions: what a user may ask of a probe run, apart from the target."""

from __future__ import annotations

from dataclasses import dataclass, field

DEFAULT_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """Immutable; one for all targets of a run. Paths are read when the run starts."""

    timeout: float = DEFAULT_TIMEOUT_SECONDS
    """Seconds for one target, everything included."""
    quick: bool = False
    """Reachability, TLS, HTTP/2 and health on one connection; nothing else."""
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    """Metadata of every call, names in lower case."""
    call: str | None = None
    """`package.Service/Method` to call."""
    data: str | None = None
    """JSON of the request message of `call`."""
    count: int = 1
    """Fresh connections on which the questions are put."""
    second_opinion: bool | None = None
    """Ask grpcio too: True always, False never, None where the wire shows trouble."""
    trace: bool = False
    """Keep every frame, decoded."""
    use_proxy: bool = True
    """Honour the proxy variables of the environment, as gRPC clients do."""

    @property
    def has_credentials(self) -> bool:
        """Whether the user gave any metadata that may be a credential."""
        return bool(self.headers)

    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that no output may show."""
