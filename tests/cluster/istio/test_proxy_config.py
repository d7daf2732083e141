"""Settings of proxies: where they are found, and that an edit keeps what stands beside them."""

from __future__ import annotations

from typing import Any

import yaml

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.changes import apply
from grpcdoctor.cluster.istio.proxy_config import ANNOTATION, ProxySettings, proxy_settings
from grpcdoctor.model.finding import Fix

MESH = "enableAutoMtls: true\ndefaultConfig:\n  concurrency: 2\n  connectionSettings: {profile: EDGE}\n"


def config_map(text: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": {"mesh": text},
    }


def deployment(text: str) -> dict[str, Any]:
    metadata = {"labels": {"app": "web"}, "annotations": {ANNOTATION: text}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "prod"},
        "spec": {"template": {"metadata": metadata, "spec": {"containers": [{"name": "app"}]}}},
    }


def found_in(*documents: dict[str, Any]) -> list[ProxySettings]:
    return list(proxy_settings(cluster_of(documents)))


def after(fix: Fix, document: dict[str, Any]) -> dict[str, Any]:
    (change,) = fix.changes
    return apply(change, document)


def test_the_meshs_default_is_edited_without_losing_the_rest() -> None:
    document = config_map(MESH)
    (settings,) = found_in(document)
    changed = after(settings.edit(("connectionSettings", "profile"), "SIDECAR").fix("x"), document)
    mesh = yaml.safe_load(changed["data"]["mesh"])
    assert mesh["enableAutoMtls"] is True
    assert mesh["defaultConfig"] == {"concurrency": 2, "connectionSettings": {"profile": "SIDECAR"}}


def test_an_annotation_is_one_workloads() -> None:
    document = deployment("proxyMetadata: {ISTIO_META_IDLE_TIMEOUT: 30s}")
    (settings,) = found_in(document)
    assert settings.workload is not None
    changed = after(settings.edit(("proxyMetadata", "ISTIO_META_IDLE_TIMEOUT"), None).fix("x"), document)
    text = changed["spec"]["template"]["metadata"]["annotations"][ANNOTATION]
    assert yaml.safe_load(text) == {"proxyMetadata": {}}


def test_text_that_is_no_yaml_is_no_setting() -> None:
    assert found_in(deployment("{{ not yaml"), config_map("defaultConfig: [")) == []
