"""A relay dies after the broker confirmed its messages and before it could note that down."""

import pytest

from support.eventually import eventually
from support.graphql import GraphqlClient
from support.handing_in import count_rows, hand_in, ids_of
from support.holding import end_held, held, until_held
from support.ledger import Ledger
from support.stack import RunningStack


@pytest.mark.parametrize("owner", ["gateway", "triage"])
async def test_killed_between_confirm_and_mark(
    owner: str, stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    async with held(stack, "UPDATE", owner, "outbox"):
        accepted = await hand_in(admin, f"Confirmed and not marked, by {owner}", 5)
        # Readers see the results, so every message has arrived and was confirmed.
        assert (await ledger.balance(accepted)).check().counts == {"completed": 5}

        await until_held(stack, owner)
        await stack.kill(owner)
        await end_held(stack, owner)
    mine = "sent_at IS {} NULL AND (convert_from(body, 'UTF8')::jsonb ->> 'subject')::uuid = ANY($1)"
    assert await count_rows(stack, f"{owner}.outbox", mine.format(""), ids_of(accepted)) == 5
    await stack.serve(owner)

    async def sent_again() -> bool:
        claimed = f"{mine.format('NOT')} AND attempts > 0"
        return await count_rows(stack, f"{owner}.outbox", claimed, ids_of(accepted)) == 5

    await eventually(sent_again, seconds=40)  # when the lease of the dead one has ended
    assert (await ledger.balance(accepted)).check().counts == {"completed": 5}
