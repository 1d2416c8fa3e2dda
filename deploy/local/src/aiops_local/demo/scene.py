"""What the steps of the demo share: who is signed in, and how a result is waited for."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from aiops_local.demo.client import GraphqlClient, Json
from aiops_local.demo.report import Report

RESULT_SECONDS = 60.0


class StepFailed(Exception):
    """A step did not go as it should; `service` is the one whose log may tell why."""

    def __init__(self, reason: str, service: str) -> None:
        super().__init__(reason)
        self.service = service


@dataclass(slots=True)
class Scene:
    """`environment` is what stack.env holds; `logs` is where the processes of the stack write."""

    root: Path
    logs: Path
    environment: dict[str, str]
    report: Report
    scripted_llm: bool
    visitor: GraphqlClient
    admin: GraphqlClient
    incident: Json | None = None
    provenances: list[Json] = field(default_factory=list)

    @classmethod
    def opening(
        cls, root: Path, logs: Path, environment: dict[str, str], report: Report, *, scripted_llm: bool
    ) -> "Scene":
        """Nobody is signed in yet."""
        visitor = GraphqlClient(environment["GRAPHQL_URL"])
        return cls(root, logs, environment, report, scripted_llm, visitor=visitor, admin=visitor)


def accepted(payload: Json, name: str, service: str) -> Json:
    """The field `name` of a mutation's payload. Raises StepFailed where it has user errors."""
    if payload["userErrors"]:
        told = "; ".join(f"{error['code']}: {error['message']}" for error in payload["userErrors"])
        raise StepFailed(f"the API did not accept the {name}: {told}", service)
    result: Json = payload[name]
    return result


async def settled(scene: Scene, document: str, pending: Json, service: str) -> Json:
    """The result of the work `pending`, told by the subscription `document`.

    Raises StepFailed: the work failed, or nothing came within RESULT_SECONDS.
    """
    result = await first_change(
        scene.admin, document, lambda entity: entity["state"] != "PENDING", service, id=pending["id"]
    )
    if result["state"] != "SUCCEEDED":
        failure = result["failure"] or {"code": "unknown", "message": "no reason was given", "attempts": 0}
        reason = f"{failure['code']}: {failure['message']} (after {failure['attempts']} attempts)"
        raise StepFailed(f"{service} gave the work up: {reason}; trace {result['traceId']}", service)
    if result.get("provenance"):
        scene.provenances.append(result["provenance"])
    for part in ("summary", "triage"):
        if isinstance(result.get(part), dict):
            scene.provenances.append(result[part]["provenance"])
    return result


async def first_change(
    client: GraphqlClient, document: str, wanted: Callable[[Json], bool], service: str, **variables: object
) -> Json:
    """The first entity that the subscription sends and that is `wanted`. Raises StepFailed after RESULT_SECONDS."""
    try:
        async with asyncio.timeout(RESULT_SECONDS), aclosing(client.subscribe(document, **variables)) as answers:
            async for answer in answers:
                entity: Json = next(iter(answer.values()))
                if wanted(entity):
                    return entity
    except TimeoutError:
        raise StepFailed(f"{service} gave no result within {RESULT_SECONDS:.0f} s", service) from None
    raise StepFailed("the gateway ended the subscription before the result came", "gateway")
