"""rawLogContent: a log as it came in, for administrators."""

import strawberry

from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.ids import uuid_of


@strawberry.type
class RawContentQuery:
    @strawberry.field(
        description=(
            "A log as it came in, secrets and personal data with it; null where it is not kept, not any more, or there "
            "is no such log. Whoever asks is on record. ADMIN only."
        )
    )
    async def raw_log_content(self, info: Info, id: strawberry.ID) -> str | None:  # noqa: A002
        viewer = await info.context.require("rawLogContent")
        identity = uuid_of(id, "LogEntry")
        if identity is None:
            return None
        return await info.context.use_cases.raw_contents.get(viewer, identity, info.context.address)
