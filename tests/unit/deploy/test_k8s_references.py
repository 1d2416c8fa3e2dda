"""What an overlay names and nobody provides is found, and said in words."""

from typing import Any

import pytest
from deploy.k8s.references import unresolved

ACCOUNT = {"kind": "ServiceAccount", "metadata": {"name": "a"}}


def _deployment(**container: Any) -> dict[str, Any]:
    pod = {"serviceAccountName": "a", "containers": [container], "volumes": container.pop("volumes", [])}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod}
    return {"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": template}}


def _from_secret(**reference: Any) -> dict[str, Any]:
    return _deployment(env=[{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", **reference}}}])


def _secret(**data: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "s"}, "data": data}


def _external(**spec: Any) -> dict[str, Any]:
    return {"kind": "ExternalSecret", "metadata": {"name": "s"}, "spec": spec}


@pytest.mark.parametrize(
    "provider",
    [
        _secret(k="v"),
        _external(target={"template": {"data": {"k": "{{ .v }}"}}}, data=[{"secretKey": "v"}]),
        _external(data=[{"secretKey": "k"}]),
        {**_external(data=[{"secretKey": "k"}], target={"name": "s"}), "metadata": {"name": "other"}},
    ],
)
def test_a_secret_comes_from_the_overlay_or_from_a_store(provider: dict[str, Any]) -> None:
    assert unresolved([ACCOUNT, _from_secret(), provider]) == []


def test_a_secret_that_is_missing_is_named_with_who_wants_it() -> None:
    assert unresolved([ACCOUNT, _from_secret()]) == ["Deployment a: there is no Secret s with the key k"]


@pytest.mark.parametrize(
    "provider",
    [
        _secret(other="v"),
        _secret(k=""),
        _external(target={"template": {"data": {"other": ""}}}, data=[{"secretKey": "k"}]),
    ],
)
def test_a_key_that_is_missing_is_named(provider: dict[str, Any]) -> None:
    assert unresolved([ACCOUNT, _from_secret(), provider]) == ["Deployment a: Secret s has no key k"]


def test_what_is_optional_may_be_missing() -> None:
    assert unresolved([ACCOUNT, _from_secret(optional=True)]) == []


def test_whole_secrets_and_volumes_are_looked_at_too() -> None:
    volumes = [
        {"name": "v", "secret": {"secretName": "one"}},
        {"name": "w", "projected": {"sources": [{"secret": {"name": "two", "items": [{"key": "ca.crt"}]}}]}},
        {"name": "x", "configMap": {"name": "three"}},
    ]
    whole = _deployment(envFrom=[{"secretRef": {"name": "zero"}}], volumes=volumes)
    assert unresolved([ACCOUNT, whole]) == [
        "Deployment a: there is no Secret zero",
        "Deployment a: there is no Secret one",
        "Deployment a: there is no ConfigMap three",
        "Deployment a: there is no Secret two with the key ca.crt",
    ]


def test_the_authority_of_a_postgresql_cluster_is_its_operators() -> None:
    volumes = [{"name": "v", "secret": {"secretName": "pg-ca", "items": [{"key": "ca.crt"}]}}]
    cluster = {"kind": "Cluster", "metadata": {"name": "pg"}, "spec": {"inheritedMetadata": {"labels": {}}}}
    assert unresolved([ACCOUNT, _deployment(volumes=volumes), cluster]) == []


def test_whoever_aims_at_nothing_is_named() -> None:
    service = {"kind": "Service", "metadata": {"name": "b"}, "spec": {"selector": {"app": "b"}}}
    scaler = {"kind": "ScaledObject", "metadata": {"name": "b"}, "spec": {"scaleTargetRef": {"name": "b"}}}
    assert unresolved([ACCOUNT, _deployment(), service, scaler]) == [
        "Service b selects no pod: {'app': 'b'}",
        "ScaledObject b: there is no Deployment b",
    ]


def test_an_account_that_is_missing_is_named() -> None:
    assert unresolved([_deployment()]) == ["Deployment a: there is no ServiceAccount a"]


def test_who_is_started_before_and_who_pulls_the_image_is_looked_at_too() -> None:
    one = _deployment()
    pod = one["spec"]["template"]["spec"]
    pod["initContainers"] = [{"envFrom": [{"secretRef": {"name": "first"}}]}]
    pod["imagePullSecrets"] = [{"name": "registry"}]
    assert unresolved([ACCOUNT, one]) == [
        "Deployment a: there is no Secret first",
        "Deployment a: there is no Secret registry",
    ]


def test_a_file_that_is_mounted_alone_has_to_be_in_its_volume() -> None:
    volumes = [{"name": "v", "configMap": {"name": "c"}}]
    one = _deployment(volumes=volumes, volumeMounts=[{"name": "v", "mountPath": "/x/b.conf", "subPath": "b.conf"}])
    settings = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a.conf": ""}}
    assert unresolved([ACCOUNT, one, settings]) == ["Deployment a: ConfigMap c has no key b.conf"]
    assert unresolved([ACCOUNT, one, {**settings, "data": {"b.conf": ""}}]) == []


def _object(kind: str, **spec: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x", "annotations": {}}, "spec": spec}


LABELS: dict[str, Any] = {"inheritedMetadata": {"labels": {}}}


@pytest.mark.parametrize(
    ("document", "key"),
    [
        (_object("Ingress", tls=[{"secretName": "s"}]), "tls.crt, tls.key"),
        (_object("TriggerAuthentication", secretTargetRef=[{"name": "s", "key": "host"}]), "host"),
        (_object("RabbitmqCluster", tls={"secretName": "s"}), "tls.crt, tls.key"),
        (_object("User", importCredentialsSecret={"name": "s"}), "username, password"),
        (_object("Cluster", bootstrap={"initdb": {"secret": {"name": "s"}}}, **LABELS), "username, password"),
        (_object("Cluster", managed={"roles": [{"passwordSecret": {"name": "s"}}]}, **LABELS), "username, password"),
    ],
)
def test_others_than_pods_name_secrets_too(document: dict[str, Any], key: str) -> None:
    missing = f"{document['kind']} x: there is no Secret s with the key {key}"
    assert unresolved([document]) == [missing]
    first, *rest = key.split(", ")
    assert unresolved([document, _secret(**dict.fromkeys(rest, "v"))]) == [
        f"{document['kind']} x: Secret s has no key {first}"
    ]
    assert unresolved([document, _secret(**dict.fromkeys([first, *rest], "v"))]) == []


def test_a_certificate_that_cert_manager_makes_is_not_missing() -> None:
    ingress = _object("Ingress", tls=[{"secretName": "s"}])
    assert unresolved([ingress, _object("Certificate", secretName="s")]) == []
    ingress["metadata"]["annotations"] = {"cert-manager.io/cluster-issuer": "any"}
    assert unresolved([ingress]) == []


def test_what_a_template_wants_comes_from_the_store() -> None:
    template = {"template": {"data": {"k": "https://a:{{ .password | urlquery }}@b.svc:{{ .port }}"}}}
    assert unresolved([_external(target=template, data=[{"secretKey": "port"}])]) == [
        "ExternalSecret s: k wants password, which `data` has not"
    ]
    assert unresolved([_external(target=template, dataFrom=[{"extract": {"key": "all"}}])]) == []


def test_a_scaler_without_its_authentication_is_named() -> None:
    scaler = _object("ScaledObject", scaleTargetRef={"name": "a"}, triggers=[{"authenticationRef": {"name": "t"}}])
    assert unresolved([ACCOUNT, _deployment(), scaler]) == ["ScaledObject x: there is no TriggerAuthentication t"]
