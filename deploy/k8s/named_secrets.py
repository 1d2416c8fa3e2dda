"""Which Secrets objects other than pods name: an ingress, a scaler's authentication, servers that operators keep.

Those who read them find out late, or never: an ingress without its certificate answers with one of its own making.
"""

import re
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
Named = tuple[str, tuple[str, ...]]
"""A Secret and the keys of it that are read."""

_CERTIFICATE = ("tls.crt", "tls.key")
_LOG_IN = ("username", "password")
_MADE_BY_CERT_MANAGER = {"cert-manager.io/issuer", "cert-manager.io/cluster-issuer"}


def named(document: Document) -> Iterator[Named]:
    """What an object that is no workload names."""
    spec = document.get("spec", {})
    match document["kind"]:
        case "Ingress" if not _MADE_BY_CERT_MANAGER & document["metadata"].get("annotations", {}).keys():
            yield from ((one["secretName"], _CERTIFICATE) for one in spec.get("tls", []) if "secretName" in one)
        case "TriggerAuthentication":
            yield from ((one["name"], (one["key"],)) for one in spec.get("secretTargetRef", []))
        case "RabbitmqCluster" if "secretName" in spec.get("tls", {}):
            yield spec["tls"]["secretName"], _CERTIFICATE
        case "User" if "importCredentialsSecret" in spec:
            yield spec["importCredentialsSecret"]["name"], _LOG_IN
        case "Cluster":
            owner = spec.get("bootstrap", {}).get("initdb", {})
            roles = spec.get("managed", {}).get("roles", [])
            secrets = [owner.get("secret"), *(role.get("passwordSecret") for role in roles)]
            yield from ((one["name"], _LOG_IN) for one in secrets if one)
        case "ServiceAccount":
            yield from ((one["name"], ()) for one in document.get("imagePullSecrets", []))


def provided(document: Document) -> Iterator[Named]:
    """The Secrets that an object has made, with their keys."""
    spec, name = document.get("spec", {}), str(document["metadata"]["name"])
    match document["kind"]:
        case "ExternalSecret":
            target = spec.get("target", {})
            keys = target.get("template", {}).get("data") or [entry["secretKey"] for entry in spec.get("data", [])]
            yield target.get("name", name), tuple(keys)
        case "Cluster":
            # CloudNativePG's own authority: https://cloudnative-pg.io/documentation/current/certificates/
            yield f"{name}-ca", ("ca.crt",)
        case "Certificate":
            yield spec["secretName"], (*_CERTIFICATE, "ca.crt")


def unfilled(document: Document) -> Iterator[str]:
    """The words of an ExternalSecret's template that nothing from the store is put in for."""
    spec = document.get("spec", {})
    if document["kind"] != "ExternalSecret" or "dataFrom" in spec:
        return
    has = {entry["secretKey"] for entry in spec.get("data", [])}
    texts = spec.get("target", {}).get("template", {}).get("data", {})
    for key, text in texts.items():
        yield from (f"{key} wants {word}, which `data` has not" for word in _words(text) if word not in has)


def _words(template: str) -> list[str]:
    return [word for part in re.findall(r"\{\{(.*?)\}\}", template) for word in re.findall(r"\.(\w+)", part)]
