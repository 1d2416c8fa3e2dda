"""What the objects of a rendered overlay name and nobody provides: a Secret or a key of it, a ConfigMap, an account.

Kubernetes finds out when a pod starts, long after `kubectl apply` said that all is well; this finds it out before.
"""

from collections.abc import Iterator, Sequence

from deploy.k8s import named_secrets

Document = named_secrets.Document
Provided = dict[tuple[str, str], set[str]]
"""Kind (Secret or ConfigMap) and name → its keys."""

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


def unresolved(documents: Sequence[Document]) -> list[str]:
    """One line for each thing that is named and not there, with who names it."""
    provided = dict(_provided(documents))
    accounts = {_name(document) for document in documents if document["kind"] == "ServiceAccount"}
    found = []
    for document in documents:
        if document["kind"] in _WORKLOADS:
            who = f"{document['kind']} {_name(document)}"
            pod = document["spec"]["template"]["spec"]
            if pod["serviceAccountName"] not in accounts:
                found.append(f"{who}: there is no ServiceAccount {pod['serviceAccountName']}")
            found += [f"{who}: {problem}" for problem in _missing(pod, provided)]
        else:
            found += _missing_elsewhere(document, provided)
    return [*dict.fromkeys(found), *_aimless(documents)]


def pod_labels(documents: Sequence[Document]) -> list[dict[str, str]]:
    """The labels of the pods of every workload, and of the servers that operators make."""
    return [labels for document in documents for labels in _labels(document)]


def _labels(document: Document) -> Iterator[dict[str, str]]:
    if document["kind"] in _WORKLOADS:
        yield document["spec"]["template"]["metadata"]["labels"]
    elif document["kind"] == "RabbitmqCluster":
        yield {"app.kubernetes.io/name": _name(document)}
    elif document["kind"] == "Cluster":
        yield document["spec"]["inheritedMetadata"]["labels"]


def _provided(documents: Sequence[Document]) -> Iterator[tuple[tuple[str, str], set[str]]]:
    for document in documents:
        kind, name = document["kind"], _name(document)
        if kind == "Secret":
            # A key without a value is no key.
            given = {**document.get("data", {}), **document.get("stringData", {})}
            yield (kind, name), {key for key, value in given.items() if value}
        elif kind == "ConfigMap":
            yield (kind, name), {*document.get("data", {}), *document.get("binaryData", {})}
        else:
            yield from ((("Secret", secret), set(keys)) for secret, keys in named_secrets.provided(document))


def _missing_elsewhere(document: Document, provided: Provided) -> Iterator[str]:
    who = f"{document['kind']} {_name(document)}"
    for secret, keys in named_secrets.named(document):
        yield from (f"{who}: {problem}" for problem in _look(provided, "Secret", {"name": secret}, keys))
    yield from (f"{who}: {problem}" for problem in named_secrets.unfilled(document))


def _missing(pod: Document, provided: Provided) -> Iterator[str]:
    volumes = pod.get("volumes", [])
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        yield from _missing_variables(container, provided)
        yield from _missing_files(container, {volume["name"]: volume for volume in volumes}, provided)
    for one in pod.get("imagePullSecrets", []):
        yield from _look(provided, "Secret", one, [])
    for volume in (*volumes, *(source for one in volumes for source in one.get("projected", {}).get("sources", []))):
        for kind, source in _sources(volume):
            yield from _look(provided, kind, source, [item["key"] for item in source.get("items", [])])


def _sources(volume: Document) -> Iterator[tuple[str, Document]]:
    """Kind and reference of what a volume, or a source of a projected one, is filled from."""
    for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
        if source := volume.get(field):
            yield kind, {**source, "name": source.get("name") or source["secretName"]}  # a volume of its own says so


def _missing_files(container: Document, volumes: dict[str, Document], provided: Provided) -> Iterator[str]:
    """Where one file of a volume is mounted and is not in it, Kubernetes makes a folder of that name."""
    for mount in container.get("volumeMounts", []):
        for kind, source in _sources(volumes.get(mount["name"], {})):
            if mount.get("subPath") and not source.get("items"):
                yield from _look(provided, kind, source, [mount["subPath"]])


def _missing_variables(container: Document, provided: Provided) -> Iterator[str]:
    for source in container.get("envFrom", []):
        for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if field in source:
                yield from _look(provided, kind, source[field], [])
    for variable in container.get("env", []):
        for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            if reference := variable.get("valueFrom", {}).get(field):
                yield from _look(provided, kind, reference, [reference["key"]])


def _look(provided: Provided, kind: str, reference: Document, keys: Sequence[str]) -> Iterator[str]:
    if reference.get("optional"):
        return
    has = provided.get((kind, reference["name"]))
    if has is None:
        yield f"there is no {kind} {reference['name']}" + (f" with the key {', '.join(keys)}" if keys else "")
    else:
        yield from (f"{kind} {reference['name']} has no key {key}" for key in keys if key not in has)


def _aimless(documents: Sequence[Document]) -> Iterator[str]:
    """Services and budgets that select no pod, scalers that scale nothing."""
    labels = pod_labels(documents)
    scaled = {(document["kind"], _name(document)) for document in documents}
    for document in documents:
        kind, spec = document["kind"], document.get("spec", {})
        selector = spec.get("selector") if kind == "Service" else spec.get("selector", {}).get("matchLabels")
        if kind in ("Service", "PodDisruptionBudget") and not any(selector.items() <= pod.items() for pod in labels):
            yield f"{kind} {_name(document)} selects no pod: {selector}"
        for trigger in spec.get("triggers", []):
            wanted = trigger.get("authenticationRef", {}).get("name")
            if wanted and ("TriggerAuthentication", wanted) not in scaled:
                yield f"{kind} {_name(document)}: there is no TriggerAuthentication {wanted}"
        target = spec.get("scaleTargetRef")
        if target and (target.get("kind", "Deployment"), target["name"]) not in scaled:
            yield f"{kind} {_name(document)}: there is no {target.get('kind', 'Deployment')} {target['name']}"


def _name(document: Document) -> str:
    return str(document["metadata"]["name"])
