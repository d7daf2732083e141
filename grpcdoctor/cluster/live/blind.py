"""Blind spots of reading: what the cluster did not show, the right that is missing, and how to be given it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Final

from grpcdoctor.cluster.kinds import SECRET, Kind
from grpcdoctor.cluster.live.answers import Failure
from grpcdoctor.model.finding import BlindSpot

ROLE: Final = "grpcdoctor-reader"
_MOST_KINDS: Final = 6
_MOST_NAMES: Final = 3
_ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Miss:
    """One thing that was not read."""

    kind: Kind
    failure: Failure
    namespace: str = ""
    """Empty: all of them, or a kind without namespaces."""
    name: str = ""
    """Empty: all of them."""
    read_in: tuple[str, ...] = ()
    """The namespaces where the kind was read all the same."""
    blocks_verdict: bool = True

    @property
    def verb(self) -> str:
        return "get" if self.name else "list"


def blind_spots(misses: Iterable[Miss]) -> tuple[BlindSpot, ...]:
    """One for all that was missed at one place for one reason: one right is granted for many kinds at a time."""
    groups: dict[object, list[Miss]] = {}
    for miss in misses:
        reason = 403 if miss.failure.status == 403 else miss.failure.words
        named = miss.kind if miss.name else None  # objects by name are counted up kind by kind
        scope = miss.kind.namespaced or miss.failure.status != 403
        namespace = "" if miss.name else miss.namespace
        key = (reason, namespace, miss.read_in, named, scope, miss.blocks_verdict)
        groups.setdefault(key, []).append(miss)
    return tuple(_blind_spot(group) for group in groups.values())


def _blind_spot(misses: Sequence[Miss]) -> BlindSpot:
    failure = misses[0].failure
    why = _refusal(misses) if failure.status == 403 else failure.words
    return BlindSpot(_what(misses), why, _command(misses), misses[0].blocks_verdict)


def _what(misses: Sequence[Miss]) -> str:
    first = misses[0]
    if first.name:
        names = ["/".join(filter(None, (miss.namespace, miss.name))) for miss in misses]
        return f"{first.kind.resource} {_some(names, _MOST_NAMES, 'more')}"
    return f"{_some(_resources(misses), _MOST_KINDS, 'more kinds')}{_where(first, misses)}"


def _where(first: Miss, misses: Sequence[Miss]) -> str:
    if first.namespace:
        return f" in {first.namespace}"
    if first.read_in:
        return f" outside {_some(first.read_in, _MOST_NAMES, 'more')}"
    return " in all namespaces" if any(miss.kind.namespaced for miss in misses) else ""


def _refusal(misses: Sequence[Miss]) -> str:
    first, user = misses[0], misses[0].failure.user
    objects = _resources(misses)[0] if len(_resources(misses)) == 1 else "them"
    instead = " (or leave them out: --no-secrets)" if first.kind is SECRET else ""
    return f"HTTP 403: {user or 'this user'} may not {first.verb} {objects}; grant it: {_grant(misses, user)}{instead}"


def _grant(misses: Sequence[Miss], user: str) -> str:
    """kubectl commands that an administrator may copy. get and list are the only verbs that are ever needed."""
    first = misses[0]
    inside = _namespace(misses)
    role, where = ("role", f" -n {quote(inside)}") if inside else ("clusterrole", "")
    verbs = "get" if first.name else "get,list"
    names = dict.fromkeys(f" --resource-name={quote(miss.name)}" for miss in misses if miss.name)
    resources = ",".join(_resources(misses))
    # Each command makes a role of its own: all of them may be needed, and a name can be given once.
    title = f"{ROLE}-{first.kind.plural}" if first.name else ROLE if first.kind.namespaced else f"{ROLE}-cluster"
    holder = "--user=USER"
    if user.startswith(_ACCOUNT):
        holder = f"--serviceaccount={quote(user.removeprefix(_ACCOUNT))}"
    elif user:
        holder = f"--user={quote(user)}"
    return (
        f"kubectl create {role} {title}{where} --verb={verbs} --resource={resources}{''.join(names)} && "
        f"kubectl create {role}binding {title}{where} --{role}={title} {holder}"
    )


def _command(misses: Sequence[Miss]) -> str:
    first = misses[0]
    place = f"-n {quote(first.namespace)}" if first.namespace else "--all-namespaces" if first.kind.namespaced else ""
    name = quote(first.name) if first.name else ""
    if first.failure.status == 403:
        words = ["kubectl auth can-i", first.verb, "/".join(filter(None, (first.kind.resource, name))), place]
    else:
        resources = _resources(misses)
        few = len(resources) <= _MOST_KINDS and not name
        words = ["kubectl get", ",".join(resources) if few else first.kind.resource, name, place]
    return " ".join(filter(None, words))


def _namespace(misses: Sequence[Miss]) -> str:
    """The one that they are all in; empty where there are several, or none."""
    spaces = {miss.namespace for miss in misses}
    return spaces.pop() if len(spaces) == 1 else ""


def _resources(misses: Sequence[Miss]) -> list[str]:
    return list(dict.fromkeys(miss.kind.resource for miss in misses))


def _some(words: Sequence[str], most: int, more: str) -> str:
    """`a, b and c`; `a, b, c and 7 more`."""
    if len(words) == 1:
        return words[0]
    if len(words) <= most:
        return f"{', '.join(words[:-1])} and {words[-1]}"
    return f"{', '.join(words[:most])} and {len(words) - most} {more}"
