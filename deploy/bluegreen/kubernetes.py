"""Two colours in a namespace of Kubernetes, reached through kubectl; see deploy/k8s/components/blue-green."""

import json
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.bluegreen.place import DecidedMeanwhile, PlaceFailed, Process

from aiops_common.active_colours import DECIDED_MEANWHILE
from aiops_common.settings import Colour

COLOUR = "aiops/colour"
_NAME = "app.kubernetes.io/name"
_SECONDS = 60
_SHOWN = 500

# A body is printed whatever the status: one that is not ready says why.
ASK = """
import sys, http.client
path, *body = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10 if body else 20)
try:
    connection.request("POST" if body else "GET", path, *body, headers={"Content-Type": "application/json"})
    sys.stdout.buffer.write(connection.getresponse().read())
except (OSError, http.client.HTTPException) as error:
    sys.exit(repr(error))
"""


class _Ended(PlaceFailed):
    """``status`` is what kubectl ended with; of a command in a pod it is that command's."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """The colours of ``namespace``. ``command`` is kubectl with what it needs to reach the cluster."""

    namespace: str
    command: tuple[str, ...] = ("kubectl",)

    def processes(self, colour: Colour) -> list[Process]:
        """One for each pod that is not on its way out, nor only the record of one that was evicted."""
        selector = f"app.kubernetes.io/component=service,{COLOUR}={colour}"
        pods = self._json("get", "pods", "--selector", selector)["items"]
        return [_process(pod) for pod in pods if _stays(pod)]

    def get(self, process: Process, path: str) -> str:
        """Asked from within the pod: network policies let nobody else."""
        return self._run("exec", process.name, "--", "python", "-c", ASK, path)

    def post(self, process: Process, path: str, body: str) -> str:
        """Likewise."""
        return self._run("exec", process.name, "--", "python", "-c", ASK, path, body)

    def clients_reach(self) -> Colour | None:
        """The colour that the Service `gateway` selects."""
        colour = self._json("get", "service", "gateway")["spec"]["selector"].get(COLOUR)
        return Colour(colour) if colour else None

    def point_clients_at(self, colour: Colour) -> None:
        """The manifest says no colour, so applying it again leaves this as it is."""
        patch = json.dumps({"spec": {"selector": {COLOUR: colour}}})
        self._run("patch", "service", "gateway", "--type", "merge", "--patch", patch)

    def taking(self, service: str, through: Colour) -> frozenset[Colour]:
        """As the schema of the service says."""
        return self._colours(service, (), through)

    def let_take(
        self, service: str, colours: Collection[Colour], through: Colour, instead_of: Collection[Colour] = ()
    ) -> None:
        """Written to the schema of the service."""
        believed = [word for colour in sorted(instead_of) for word in ("--instead-of", colour)]
        self._colours(service, [*sorted(colours), *believed], through)

    def _colours(self, service: str, arguments: Sequence[str], through: Colour) -> frozenset[Colour]:
        pods = [one.name for one in self.processes(through) if one.service == service]
        failed: PlaceFailed | None = None
        for pod in pods:
            try:
                said = self._run("exec", pod, "--", "python", "-m", f"aiops_{service}", "colours", "--json", *arguments)
                return frozenset(map(Colour, json.loads(said)["active"]))
            except _Ended as error:
                if error.status == DECIDED_MEANWHILE and failed is None:
                    raise DecidedMeanwhile(str(error)) from None
                failed = error  # one before may have decided it and not been heard
            except PlaceFailed as error:  # one of them may just begin, or be on a node that is lost
                failed = error
            except (ValueError, KeyError, TypeError):
                failed = PlaceFailed(f"kubectl exec {pod}: its command `colours` said something else: {said[:_SHOWN]}")
        raise failed or PlaceFailed(f"no pod of {service} is {through}, so its schema cannot be reached")

    def _json(self, *words: str) -> Any:
        return json.loads(self._run(*words, "--output", "json"))

    def _run(self, *words: str) -> str:
        shown = " ".join(("kubectl", *words[:3]))
        try:
            done = subprocess.run(  # noqa: S603 - kubectl, with words of ours
                [*self.command, "--namespace", self.namespace, *words],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False,
                process_group=0,  # Ctrl-C in a terminal would end it, but not what it began in a pod
            )  # fmt: skip
        except FileNotFoundError:
            raise PlaceFailed(f"there is no {self.command[0]} on the PATH") from None
        except subprocess.TimeoutExpired:
            raise PlaceFailed(f"{shown}: no end after {_SECONDS} s") from None
        if done.returncode != 0:
            raise _Ended(f"{shown}: {done.stderr.strip()[-_SHOWN:]}", done.returncode)
        return done.stdout


def _stays(pod: Any) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] not in ("Succeeded", "Failed")


def _process(pod: Any) -> Process:
    image = next(one["image"] for one in pod["spec"]["containers"] if one["name"] == "serve")
    return Process(pod["metadata"]["labels"][_NAME], pod["metadata"]["name"], image.rpartition("/")[2])
