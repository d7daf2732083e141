"""The commands that findings tell the user to run next: complete, so that they can be pasted as they are."""

from __future__ import annotations

from shlex import join, quote
from typing import Final

from grpcdoctor.model.run import Run
from grpcdoctor.model.target import is_address, join_host_port

_ABOUT_TLS: Final = frozenset(("--servername", "--cacert", "--cert", "--key", "--insecure"))


def probe_command(run: Run, *flags: str, plaintext: bool | None = None, endpoint: str | None = None) -> str:
    """`grpcdoctor probe …` for the same target, with what the user gave and these flags added.

    A flag of the user's that `flags` names again is left out. Metadata is never repeated: it may hold secrets. A flag
    about TLS turns a plaintext target into one for TLS.
    """
    clear = not run.target.tls if plaintext is None else plaintext
    clear = clear and not any(flag in _ABOUT_TLS for flag in flags)
    words = ["--plaintext"] if clear else []
    for flag, value in _given(run, clear):
        if flag not in flags:
            words += [flag, value] if value else [flag]
    return " ".join(("grpcdoctor probe", *map(quote, (*words, *flags)), quote(endpoint or _endpoint(run, clear))))


def openssl_command(run: Run, *flags: str, server_name: str | None = None) -> str:
    """`openssl s_client …` to the address that the run dials, with the SNI that gRPC clients send."""
    target = run.target
    place = ["-unix", target.unix_path] if target.unix_path else ["-connect", _dialled(run)]
    name = server_name or target.verify_name
    sni = ["-noservername"] if is_address(name) else ["-servername", name]
    return f"{join(['openssl', 's_client', *place, *sni, *flags])} </dev/null"


def curl_command(run: Run, tls: bool, *flags: str) -> str:
    """`curl -v …` to the address that the run dials: a second witness for what a port speaks."""
    target = run.target
    socket = ["--unix-socket", target.unix_path] if target.unix_path else []
    place = "localhost" if target.unix_path else _dialled(run)
    scheme = ["-k", f"https://{place}/"] if tls else [f"http://{place}/"]
    return join(["curl", "-v", "--max-time", "5", *flags, *socket, *scheme])


def _given(run: Run, clear: bool) -> list[tuple[str, str]]:
    target, options = run.target, run.options
    given = [
        ("--authority", target.authority or ""),
        ("--connect-to", join_host_port(*target.connect_to) if target.connect_to else ""),
    ]
    if not clear:
        given += [
            ("--servername", target.server_name or ""),
            ("--cacert", options.cacert or ""),
            ("--cert", options.cert or ""),
            ("--key", options.key or ""),
        ]
    present = [(flag, value) for flag, value in given if value]
    return [*present, ("--insecure", "")] if options.insecure and not clear else present


def _endpoint(run: Run, clear: bool) -> str:
    """The target as written; with its port where the default one would be another."""
    target = run.target
    bare = not target.port_given and target.unix_path is None and clear is not target.tls
    return target.host_in_authority if bare else target.endpoint


def _dialled(run: Run) -> str:
    return join_host_port(run.target.dial_host, run.target.dial_port)
