"""A log as it came in: kept sealed, shown to administrators, on record, and never anywhere else."""

import secrets

import pytest

from e2e import documents
from support.graphql import GraphqlClient, Json, code_of
from support.stack import RunningStack

READ = "query($id: ID!) { rawLogContent(id: $id) }"


@pytest.fixture(scope="module")
def marker() -> str:
    """A password that is nowhere else."""
    return secrets.token_hex(12)


@pytest.fixture(scope="module")
async def entry(admin: GraphqlClient, marker: str) -> Json:
    content = f"ERROR login of jane.doe@example.org failed: password={marker}\n"
    pending = await documents.submit(admin, documents.SUMMARIZE_LOG, source="raw", content=content)
    return await documents.settled(admin, documents.WATCH_LOG_ENTRY, pending)


async def attempts(admin: GraphqlClient, entry: Json) -> list[Json]:
    filters = {"action": "rawLogContent", "subject": entry["id"]}
    nodes: list[Json] = (await admin.execute(documents.AUDIT_LOG, first=100, filter=filters))["auditLog"]["nodes"]
    return nodes


async def test_an_administrator_reads_it_as_it_came_in_and_is_on_record(
    admin: GraphqlClient, entry: Json, marker: str
) -> None:
    assert marker not in entry["content"]
    before = len(await attempts(admin, entry))
    read = (await admin.execute(READ, id=entry["id"]))["rawLogContent"]
    assert read == f"ERROR login of jane.doe@example.org failed: password={marker}\n"
    newest, *_ = recorded = await attempts(admin, entry)
    assert len(recorded) == before + 1
    assert (newest["outcome"], newest["details"]) == ("SHOWN", {"bytes": len(read)})
    assert newest["actor"].startswith("user:")


async def test_a_machine_of_an_administrator_is_on_record_as_itself(admin: GraphqlClient, entry: Json) -> None:
    made = await admin.execute(documents.CREATE_API_KEY, input={"name": "raw", "role": "ADMIN"})
    machine = admin.signed_in(made["createApiKey"]["secret"])
    assert (await machine.execute(READ, id=entry["id"]))["rawLogContent"] is not None
    assert (await attempts(admin, entry))[0]["actor"].startswith("key:")


@pytest.mark.parametrize("role", ["OPS", "HR", "VIEWER"])
async def test_nobody_else_reads_it(people: dict[str, GraphqlClient], entry: Json, role: str) -> None:
    assert await code_of(people[role], READ, id=entry["id"]) == "FORBIDDEN"


async def test_what_was_read_is_in_no_log_and_no_span(
    stack: RunningStack, admin: GraphqlClient, entry: Json, marker: str
) -> None:
    assert marker in (await admin.execute(READ, id=entry["id"]))["rawLogContent"]
    written = [path for path in stack.stack.layout.state.rglob("*") if path.suffix in {".log", ".jsonl"}]
    assert written != []
    assert [path.name for path in written if marker.encode() in path.read_bytes()] == []


async def test_what_is_not_there_is_null(admin: GraphqlClient, entry: Json) -> None:
    for other in ("nonsense", entry["id"][:-3]):
        assert (await admin.execute(READ, id=other))["rawLogContent"] is None
