"""Dead letters in the API: the type, its list, and sending some back. All of it is for ADMIN."""

from datetime import datetime
from functools import partial
from typing import Self
from uuid import UUID

import strawberry

from aiops_common.messaging.deadletter import DeadLetter as Letter
from aiops_gateway.domain.access import Viewer, may_use
from aiops_gateway.domain.dead_letters import BadChoice, UnknownLetters
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.graphql.connections import Connection
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors
from aiops_gateway.graphql.ids import to_global_id, uuid_of
from aiops_gateway.graphql.inputs import InvalidInput, checked_key
from aiops_gateway.graphql.types import Node
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.dead_letters import UnknownQueue, position

_TYPE = "DeadLetter"


@strawberry.type(description="A message that was given up.")
class DeadLetter(Node):
    queue: str = strawberry.field(description="Where it lies, e.g. triage.dead.")
    message_type: str
    message_id: str | None
    reason: str = strawberry.field(description="A short stable code.")
    error: str | None = strawberry.field(description="Redacted.")
    attempts: int
    dead_at: datetime
    trace_id: str | None = strawberry.field(description="Look it up in Jaeger.")
    body: str | None = strawberry.field(description="Redacted, cut at 4 KiB.")

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """As administrators see it."""
        return cls(
            id=to_global_id(_TYPE, letter.id),
            queue=letter.queue,
            message_type=letter.message_type,
            message_id=letter.message_id,
            reason=letter.reason,
            error=letter.error,
            attempts=letter.attempts,
            dead_at=letter.dead_at,
            trace_id=letter.trace_id,
            body=letter.body,
        )


@strawberry.type
class DeadLetterQuery:
    @strawberry.field(
        description="Of one dead-letter queue or of all, newest first; totalCount ends at 1,000. ADMIN only."
    )
    async def dead_letters(
        self, info: Info, queue: str | None = None, first: int | None = None, after: str | None = None
    ) -> Connection[DeadLetter]:
        await info.context.require("deadLetters")
        office = info.context.use_cases.dead_letters
        page = await office.page(queue, PageRequest.of(first, after, None, None))
        return Connection.of(
            [(position(letter), DeadLetter.of(letter)) for letter in page.rows],
            has_next=page.has_next,
            has_previous=after is not None,
            counter=partial(office.count, queue),
        )


async def dead_letter(info: Info, viewer: Viewer, identity: UUID) -> DeadLetter | None:
    """One letter; None where there is none that ``viewer`` may see."""
    if not may_use(viewer, "deadLetters"):
        return None
    letter = await info.context.use_cases.dead_letters.get(identity)
    return DeadLetter.of(letter) if letter else None


@strawberry.input
class ReplayDeadLettersInput:
    queue: str
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="All of the queue when null; the oldest first."
    )
    idempotency_key: str | None = None


@strawberry.type
class ReplayDeadLettersPayload:
    replayed: int = 0
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class DeadLetterMutation:
    @strawberry.mutation(
        description="Send dead letters back to where they were consumed, 10,000 at a time. ADMIN only."
    )
    async def replay_dead_letters(
        self,
        info: Info,
        input: ReplayDeadLettersInput,  # noqa: A002
    ) -> ReplayDeadLettersPayload:
        viewer = await info.context.require("replayDeadLetters")
        ids = None if input.ids is None else [uuid_of(global_id, _TYPE) for global_id in input.ids]
        replay = info.context.use_cases.dead_letters.replay
        try:
            key = checked_key(input.idempotency_key)
            replayed = await replay(viewer, input.queue, ids, key=key, address=info.context.address)
        except (UnknownQueue, BadChoice) as error:
            return ReplayDeadLettersPayload(user_errors=_user_errors(error))
        except (InvalidInput, KeyReused) as error:
            return ReplayDeadLettersPayload(user_errors=user_errors(error))
        return ReplayDeadLettersPayload(replayed=replayed)


def _user_errors(error: UnknownQueue | BadChoice) -> list[UserError]:
    if isinstance(error, UnknownQueue):
        return [user_error(UserErrorCode.INVALID_INPUT, str(error), ["queue"])]
    code = UserErrorCode.NOT_FOUND if isinstance(error, UnknownLetters) else UserErrorCode.INVALID_INPUT
    if error.places:
        return [user_error(code, str(error), ["ids", str(place)]) for place in error.places]
    # All of the queue were asked for: they can be told apart by their ids only.
    named = [to_global_id(_TYPE, letter) for letter in error.letters]
    return [user_error(code, f"{one}: {error}", ["ids"]) for one in named] or [user_error(code, str(error), ["ids"])]
