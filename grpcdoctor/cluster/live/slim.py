"""Slim: what no rule reads is taken off an object as it arrives, and values that look like secrets are never kept.

Elements of lists stay, so that a path into what is kept is a path into the object in the cluster; so do mappings that
rules may add to (annotations), if only as empty ones, so that a patch adds to them and does not replace them.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from grpcdoctor.cluster.fields import at, items_at, mapping_at, mappings_at, text_at
from grpcdoctor.cluster.kinds import NODE, POD, SECRET, Kind
from grpcdoctor.cluster.live.secrets import LAST_APPLIED, public_part
from grpcdoctor.cluster.workloads import TEMPLATED
from grpcdoctor.model.redact import REDACTED, is_secret_name

_METADATA: Final = ("managedFields", "selfLink", "uid", "resourceVersion", "generateName")
_POD_SPEC: Final = (
    "affinity", "tolerations", "topologySpreadConstraints", "schedulerName", "priority", "priorityClassName",
    "preemptionPolicy", "enableServiceLinks", "imagePullSecrets", "securityContext", "overhead", "ephemeralContainers",
)  # fmt: skip
_CONTAINER: Final = (
    "resources", "securityContext", "terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy",
    "volumeDevices", "resizePolicy",
)  # fmt: skip
_MOUNT: Final = ("name", "mountPath", "subPath")
_POD_STATUS: Final = ("phase", "reason", "podIP", "podIPs", "hostIP")
_CONDITION: Final = ("type", "status", "reason")
_CONTAINER_STATUS: Final = ("name", "ready", "started", "restartCount")
_STATE: Final = ("reason", "exitCode")
# Of a volume: what it is of, and the name of the object that it shows.
_VOLUME_NAMES: Final = ("secretName", "name", "claimName", "path", "driver", "optional")
_NODE_STATUS: Final = ("addresses", "conditions")

# Of Pods: what those of one template have in common.
_SHARED_METADATA: Final = ("labels", "annotations", "ownerReferences")
_SHARED_SPEC: Final = ("containers", "initContainers", "volumes")
_SHARED_STATUS: Final = ("conditions", "containerStatuses", "initContainerStatuses")
# The volume with the token of a service account has another name in every Pod.
_TOKEN_VOLUME: Final = "kube-api-access"

_URL_PASSWORD: Final = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
_PRIVATE_KEY: Final = "PRIVATE KEY-----"
_FLAG: Final = re.compile(r"--?([A-Za-z0-9][\w.-]*)(?:=(.*))?", re.DOTALL)
# Values of a flag like --token-file or --auth that are no secret themselves.
_HARMLESS: Final = re.compile(r"true|false|\d{0,5}|[./$].*|.{1,3}", re.IGNORECASE | re.DOTALL)


class Shared:
    """Equal pieces of many objects, kept once: the Pods of one Deployment differ in little but their names."""

    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}

    def share(self, raw: dict[str, Any], keys: tuple[str, ...]) -> None:
        """Puts what was seen before in the place of what is equal to it."""
        for key in keys:
            if key in raw:
                # Format 2 has no references, so that equal values have equal bytes; a fifth of the time of json.dumps.
                raw[key] = self._known.setdefault(marshal.dumps(raw[key], 2), raw[key])


def slim(kind: Kind, raw: dict[str, Any], shared: Shared | None = None) -> dict[str, Any]:
    """The object with less in it. `raw` was just parsed and is changed in place."""
    if kind is SECRET:
        return public_part(raw)
    metadata = mapping_at(raw, "metadata")
    _drop(metadata, _METADATA)
    _drop(mapping_at(metadata, "annotations"), (LAST_APPLIED,))
    _keep_of_each(metadata, "ownerReferences", ("apiVersion", "kind", "name", "controller"))
    if kind is POD:
        _slim_pod(mapping_at(raw, "spec"))
        _slim_status(raw)
        if shared is not None:
            shared.share(metadata, _SHARED_METADATA)
            shared.share(mapping_at(raw, "spec"), _SHARED_SPEC)
            shared.share(mapping_at(raw, "status"), _SHARED_STATUS)
    elif kind in TEMPLATED:
        _drop(mapping_at(raw, "spec", "template", "metadata", "annotations"), (LAST_APPLIED,))
        _slim_pod(mapping_at(raw, "spec", "template", "spec"))
    elif kind is NODE:
        raw["status"] = _kept(mapping_at(raw, "status"), _NODE_STATUS)
        _keep_of_each(raw["status"], "conditions", _CONDITION)
    return raw


def _slim_pod(spec: dict[str, Any]) -> None:
    _drop(spec, _POD_SPEC)
    _each(spec, "volumes", _slim_volume)
    for key in ("containers", "initContainers"):
        _each(spec, key, _slim_container)


def _slim_container(container: dict[str, Any]) -> dict[str, Any]:
    _drop(container, _CONTAINER)
    _each(container, "volumeMounts", lambda mount: _named_alike(_kept(mount, _MOUNT)))
    for _, variable in mappings_at(container, "env"):
        if "value" in variable:
            variable["value"] = _without_secret(text_at(variable, "name"), text_at(variable, "value"))
    for key in ("command", "args"):
        if key in container:
            container[key] = _words_without_secrets(items_at(container, key))
    return container


def _slim_volume(volume: dict[str, Any]) -> dict[str, Any]:
    return _named_alike(
        {key: _kept(value, _VOLUME_NAMES) if isinstance(value, dict) else value for key, value in volume.items()}
    )


def _named_alike(raw: dict[str, Any]) -> dict[str, Any]:
    if text_at(raw, "name").startswith(_TOKEN_VOLUME):
        raw["name"] = _TOKEN_VOLUME
    return raw


def _slim_status(raw: dict[str, Any]) -> None:
    status = mapping_at(raw, "status")
    if not status:
        return
    slimmer = _kept(status, _POD_STATUS)
    if "conditions" in status:
        slimmer["conditions"] = items_at(status, "conditions")
        _keep_of_each(slimmer, "conditions", _CONDITION)
    for key in ("containerStatuses", "initContainerStatuses"):
        if key in status:
            slimmer[key] = [_slim_container_status(item) for _, item in mappings_at(status, key)]
    raw["status"] = slimmer


def _slim_container_status(status: dict[str, Any]) -> dict[str, Any]:
    kept = _kept(status, _CONTAINER_STATUS)
    for key in ("state", "lastState"):
        states = mapping_at(status, key)
        if states:
            kept[key] = {name: _kept(mapping_at(states, name), _STATE) for name in states}
    return kept


def _without_secret(name: str, value: str) -> str:
    if not value:
        return value
    if is_secret_name(name) or _PRIVATE_KEY in value:
        return REDACTED
    return _URL_PASSWORD.sub(rf"\1{REDACTED}@", value) if "://" in value else value


def _words_without_secrets(words: list[Any]) -> list[Any]:
    """`--password=…` and `--password …` without what follows."""
    kept: list[Any] = []
    secret_follows = False
    for word in words:
        if not isinstance(word, str):
            kept.append(word)
            continue
        flag = _FLAG.fullmatch(word)
        secret = is_secret_name(flag[1]) if flag else secret_follows
        value = (flag[2] or "") if flag else word
        hidden = secret and value and not _HARMLESS.fullmatch(value)
        kept.append(word[: len(word) - len(value)] + REDACTED if hidden else _without_secret("", word))
        secret_follows = flag is not None and flag[2] is None and secret
    return kept


def _drop(raw: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        raw.pop(key, None)


def _kept(raw: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: raw[key] for key in keys if key in raw}


def _each(raw: dict[str, Any], key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    if isinstance(at(raw, key), list):
        raw[key] = [change(item) if isinstance(item, dict) else item for item in raw[key]]


def _keep_of_each(raw: dict[str, Any], key: str, keys: tuple[str, ...]) -> None:
    _each(raw, key, lambda item: _kept(item, keys))
