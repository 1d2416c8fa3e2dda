"""Writes deploy/rabbitmq/topology.yaml as objects of RabbitMQ's Messaging Topology Operator, into components/operators.

`python -m deploy.k8s.broker_objects` writes the file, with `--check` it only says whether it would change. The topology
is expanded by the same code that the provisioner of the other stacks uses, so there is one truth.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from aiops_common.messaging.topology import Binding, Exchange, Policy, Queue, Topology, User, load

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "deploy" / "rabbitmq" / "topology.yaml"
TARGET = ROOT / "deploy" / "k8s" / "components" / "operators" / "topology.yaml"
HEAD = (
    "# Written from deploy/rabbitmq/topology.yaml by `make k8s-topology`; do not edit.\n"
    "# A queue that is no longer named stays on the broker with what is in it (deletionPolicy).\n"
)
_CLUSTER = {"rabbitmqClusterReference": {"name": "rabbitmq"}}
_API = "rabbitmq.com/v1beta1"
READABLE = {"rabbitmq.com/topology-operator": "true"}
"""Labels of secrets: from 1.20 on the operator sees no other, and refuses users whose secret it does not see."""

Object = dict[str, Any]


class _Indented(yaml.SafeDumper):
    """Lists stand deeper than what they belong to, as in the files that people write."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - that is the point
        super().increase_indent(flow, False)


def objects(topology: Topology) -> Iterator[Object]:
    """Every object, in the order in which they are needed; each user brings the secret that its password comes from."""
    yield from map(_exchange, topology.exchanges)
    yield from map(_policy, topology.policies)
    yield from map(_queue, topology.queues)
    yield from map(_binding, topology.bindings)
    for user in topology.users:
        yield _credentials(user)
        yield _object("User", user.name, {"importCredentialsSecret": {"name": _secret(user)}})
        yield _permission(user)


def text(topology: Topology) -> str:
    """The file."""
    parts = (yaml.dump(one, Dumper=_Indented, sort_keys=False, width=100) for one in objects(topology))
    return HEAD + "---\n".join(parts)


def _object(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": _plain(name)}, "spec": {**spec, **_CLUSTER}}


def _plain(name: str) -> str:
    """`name` in the letters that names of objects may have, as those of DNS."""
    words = {"*": "any", "#": "all"}
    spelt = "".join(words.get(letter, letter) for letter in name)
    return re.sub(r"[^a-z0-9.-]", "-", spelt)


def _exchange(exchange: Exchange) -> Object:
    spec: Object = {"name": exchange.name, "type": exchange.type, "durable": True}
    return _object("Exchange", exchange.name, spec | ({"arguments": exchange.arguments} if exchange.arguments else {}))


def _policy(policy: Policy) -> Object:
    spec = {"name": policy.name, "pattern": policy.pattern, "applyTo": "queues", "definition": policy.definition}
    return _object("Policy", policy.name, spec)


def _queue(queue: Queue) -> Object:
    arguments = {name: value for name, value in queue.arguments.items() if name != "x-queue-type"}
    kind = queue.arguments["x-queue-type"]
    spec = {"name": queue.name, "type": kind, "durable": True, "deletionPolicy": "retain", "arguments": arguments}
    return _object("Queue", queue.name, spec)


def _binding(binding: Binding) -> Object:
    name = ".".join(part for part in (binding.source, "to", binding.destination, binding.routing_key) if part)
    spec = {"source": binding.source, "destination": binding.destination, "destinationType": "queue"}
    return _object("Binding", name, spec | ({"routingKey": binding.routing_key} if binding.routing_key else {}))


def _permission(user: User) -> Object:
    may = {"configure": user.configure, "write": user.write, "read": user.read}
    return _object("Permission", user.name, {"vhost": "/", "userReference": {"name": user.name}, "permissions": may})


def _secret(user: User) -> str:
    return f"rabbitmq-{user.name}"


def _credentials(user: User) -> Object:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": _secret(user)},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "aiops"},
            "target": {
                "template": {
                    "metadata": {"labels": READABLE},
                    "data": {"username": user.name, "password": "{{ .password }}"},
                }
            },
            "data": [{"secretKey": "password", "remoteRef": {"key": "aiops/rabbitmq", "property": user.name}}],
        },
    }


def main(arguments: list[str]) -> int:
    """Write the file, or with --check compare it; returns the exit code."""
    wanted = text(load(SOURCE))
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    if "--check" in arguments:
        sys.stderr.write(f"{TARGET.relative_to(ROOT)} is not what topology.yaml says: run `make k8s-topology`\n")
        return 1
    TARGET.write_text(wanted, encoding="utf-8")
    sys.stdout.write(f"{TARGET.relative_to(ROOT)}: {wanted.count(chr(10) + 'kind: ')} objects\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
