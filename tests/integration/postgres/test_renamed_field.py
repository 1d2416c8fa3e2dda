"""examples/renamed_field under load: each step and its roll-back, with the releases on both sides of it at once."""

from collections.abc import AsyncIterator

import pytest

from aiops_common.postgres import Pool
from aiops_common.postgres.revisions import MigrationFailed
from examples.renamed_field.backfill import Field, Progress, backfill
from examples.renamed_field.release_2.steps import READ, WRITE
from examples.renamed_field.release_3.repository import LineRepository
from support.flag_changes import MUTATIONS, Administrator, heard, told
from support.lone_gateway import lone_gateway
from support.renamed_field import ROWS, Releases, Schema, releases
from support.side_by_side import Process, Traffic

CONTRACT = ["lines_contract_0001", "lines_contract_0002", "lines_contract_0003"]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def release(lines_url: str) -> AsyncIterator[Releases]:
    async with releases(lines_url) as running:
        yield running


@pytest.fixture
def schema(lines_url: str, lines_pool: Pool) -> Schema:
    return Schema(lines_url, lines_pool)


@pytest.fixture
async def administrator(
    pools: dict[str, Pool], service_database_urls: dict[str, str], lines_pool: Pool
) -> AsyncIterator[Administrator]:
    """Somebody at a gateway where the flags of the example are not made yet."""
    pool = pools["gateway"]
    async with pool.connection() as connection:
        await connection.execute("TRUNCATE outbox; DELETE FROM feature_flags WHERE key LIKE 'lines.%'")
    async with lone_gateway(pool, service_database_urls["gateway"]) as gateway:
        yield Administrator(gateway.client(await gateway.sign_up()), pool, lines_pool)
    async with pool.connection() as connection:
        await connection.execute("TRUNCATE outbox; DELETE FROM feature_flags WHERE key LIKE 'lines.%'")


class Operation:
    """Each step, with processes on both sides of it at work."""

    def __init__(self, traffic: Traffic, release: Releases, administrator: Administrator) -> None:
        self._traffic = traffic
        self._release = release
        self._administrator = administrator

    async def roll(self, old: list[Process], new: list[Process]) -> None:
        """Replace ``old`` by ``new``, with both for a while."""
        await self._traffic.run_on(*old, *new)
        await self._traffic.run_on(*new)
        await self._traffic.check_all()

    async def there_and_back(self, old: list[Process], new: list[Process]) -> None:
        """Roll ``new`` out, roll it back, and roll it out again."""
        for before, after in ((old, new), (new, old), (old, new)):
            await self.roll(before, after)

    async def turn(self, key: str, *, on: bool) -> None:
        """One mutation, without a roll-out: one process follows it, and the other one a while later."""
        version = await self._administrator.turn(key, on=on)
        await heard(self._release.early, key, version)
        await self._traffic.busy()
        await self._release.late.look()
        await self._traffic.busy()
        await self._traffic.check_all()

    async def on_and_back(self, key: str) -> None:
        """Turn a flag on, off, and on again."""
        for on in (True, False, True):
            await self.turn(key, on=on)


async def expand_and_back(traffic: Traffic, schema: Schema) -> None:
    """The job before the roll-out, twice, taken back once."""
    for step in (schema.expand(), schema.undo(2, "expand", "lines_0002"), schema.expand()):
        assert await step == ["lines_0002"]
        await traffic.busy()


async def fill_and_back(schema: Schema, operation: Operation) -> None:
    """A backfill that is ended early, a roll-back that makes a part of it wrong again, and a whole one."""
    await schema.fill(Field.NEW, pages=3)
    assert await schema.differing() > 0
    for on in (False, True):
        await operation.turn(WRITE, on=on)
    assert await schema.fill(Field.NEW) > 0
    assert await schema.differing() == 0


async def test_each_step_and_its_roll_back(
    traffic: Traffic, release: Releases, schema: Schema, administrator: Administrator
) -> None:
    one, two, three = release.one, release.two, release.three
    operation = Operation(traffic, release, administrator)
    traffic.running = [*one]
    async with traffic.flowing():
        await expand_and_back(traffic, schema)
        await operation.there_and_back(one, two)  # release 2, as before: nobody has made the flags
        await operation.on_and_back(WRITE)
        await fill_and_back(schema, operation)
        await operation.on_and_back(READ)
        await operation.there_and_back(two, three)  # release 3

        await operation.roll(three, two)  # and further back: what release 3 wrote is not in msg
        assert await schema.fill(Field.OLD) > 0
        await operation.turn(READ, on=False)
        await operation.turn(READ, on=True)
        await operation.roll(two, three)

        assert await schema.contract() == CONTRACT
        await traffic.busy()
        await traffic.check_all()
        assert await schema.undo(3, "contract", CONTRACT[0]) == CONTRACT[::-1]
        await operation.roll(three, two)
        assert await schema.fill(Field.OLD) > 0
        for key in (READ, WRITE):  # all the way back
            await operation.turn(key, on=False)
        await operation.roll(two, one)
        assert await schema.undo(2, "expand", "lines_0002") == ["lines_0002"]
        await traffic.busy()
        await traffic.check_all()


def test_the_page_says_how_each_flag_is_turned_on_and_off() -> None:
    assert MUTATIONS.keys() == {(key, on) for key in (WRITE, READ) for on in (True, False)}


async def test_flags_turned_off_in_the_wrong_order_and_flags_that_only_one_knows_do_no_harm(
    traffic: Traffic, release: Releases, schema: Schema, lines_pool: Pool
) -> None:
    await schema.expand()
    traffic.running = [*release.two]
    async with traffic.flowing():
        for key, version, on in (
            (READ, 1, True),  # nobody has made WRITE
            (READ, 2, False),
            (WRITE, 1, True),
            (READ, 3, True),
            (WRITE, 2, False),
            (READ, 4, False),
        ):
            await told(lines_pool, key, version, enabled=on)
            await heard(release.early, key, version)
            await traffic.busy()
            await release.late.look()
            await traffic.busy()
            await schema.fill(Field.NEW)
    assert traffic.wrong == []


async def test_a_process_that_starts_while_the_gateway_is_away_goes_on_at_the_last_step(
    traffic: Traffic, release: Releases, schema: Schema, lines_url: str, lines_pool: Pool
) -> None:
    await schema.expand()
    for key in (WRITE, READ):
        await told(lines_pool, key)
        await release.late.look()
        await schema.fill(Field.NEW)
    traffic.running = [release.two[1]]
    async with releases(lines_url) as restarted, traffic.flowing():
        await traffic.run_on(*traffic.running, *restarted.two)
        await traffic.run_on(*restarted.two)
        await traffic.check_all()


async def test_reads_switched_before_the_backfill_are_noticed(
    traffic: Traffic, release: Releases, schema: Schema, lines_pool: Pool
) -> None:
    await schema.expand()
    traffic.running = [*release.two]
    async with traffic.flowing():
        for key in (WRITE, READ):
            await told(lines_pool, key)
            await heard(release.early, key, 1)
        await release.late.look()
        await traffic.busy()
    assert traffic.wrong


async def test_processes_two_steps_apart_are_noticed(
    traffic: Traffic, release: Releases, schema: Schema, lines_pool: Pool
) -> None:
    await schema.expand()
    traffic.running = [release.two[0]]
    async with traffic.flowing():
        await told(lines_pool, WRITE)
        await heard(release.early, WRITE, 1)
        await traffic.busy()
        await schema.fill(Field.NEW)
        await told(lines_pool, READ)
        await heard(release.early, READ, 1)
        await traffic.busy()
        assert traffic.wrong == []
        while not traffic.wrong:  # the other one has not heard of anything
            await traffic.run_on(*release.two)


async def test_going_back_without_a_backfill_is_noticed(
    traffic: Traffic, release: Releases, schema: Schema, lines_pool: Pool
) -> None:
    await schema.expand()
    early = release.two[0]
    traffic.running = [early]
    async with traffic.flowing():
        for key in (WRITE, READ):
            await told(lines_pool, key)
            await heard(release.early, key, 1)
            await traffic.busy()
            await schema.fill(Field.NEW)
        for running in (release.three[0], early):
            await traffic.run_on(*traffic.running, running)
            await traffic.run_on(running)
        await told(lines_pool, READ, 2, enabled=False)
        while not traffic.wrong:
            await traffic.busy()


async def test_a_backfill_goes_on_where_it_ended(
    traffic: Traffic, release: Releases, schema: Schema, lines_pool: Pool
) -> None:
    await schema.expand()
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    pages = backfill(lines_pool, Field.NEW, rows=300, share=0.25, pause=pause)
    ended = [await anext(pages) for _ in range(2)][-1]
    assert (ended, await schema.differing(), len(pauses)) == (Progress(599, 300), ROWS - 600, 1)
    assert pauses[0] > 0
    rest = [page async for page in backfill(lines_pool, Field.NEW, after=ended.after, rows=300, pause=pause)]
    assert rest == [Progress(899, 300), Progress(999, 100)]
    assert [page.changed async for page in backfill(lines_pool, Field.NEW, rows=500, pause=pause)] == [0, 0]
    assert await schema.differing() == 0


async def test_each_release_says_which_schema_it_misses(schema: Schema, lines_pool: Pool) -> None:
    at_first = await schema.problem(1), await schema.problem(2)
    assert at_first == (
        None,
        "the schema is at lines_0001, this release needs lines_0002: "
        "run python -m examples.renamed_field.release_2 migrate",
    )
    await schema.expand()
    assert [await schema.problem(release) for release in (1, 2, 3)] == [None, None, None]
    await schema.fill(Field.NEW)
    await schema.contract()
    told = [await schema.problem(release) for release in (1, 2, 3)]
    assert told[2] is None
    for release, needed in ((1, "lines_0001"), (2, "lines_0002")):
        words = told[release - 1] or ""
        assert words.startswith("the schema is at lines_0002 and was contracted by lines_contract_0001 (")
        assert f"after which this release, made for {needed}, cannot work" in words
        assert words.endswith("migrate --phase contract --undo lines_contract_0001")
    await schema.undo(3, "contract", CONTRACT[0])
    assert [await schema.problem(release) for release in (1, 2, 3)] == [None, None, None]


async def test_a_contraction_without_a_backfill_fails_and_loses_nothing(
    traffic: Traffic, release: Releases, schema: Schema
) -> None:
    await schema.expand()
    with pytest.raises(MigrationFailed, match=r"lines_message.* violated by some row; done so far: .*contract_0001"):
        await schema.contract()
    assert await schema.differing() == ROWS
    assert (await schema.problem(2) or "").startswith("the schema is at lines_0002 and was contracted by")
    assert await schema.undo(3, "contract", CONTRACT[0]) == CONTRACT[:1]
    assert await schema.undo(3, "contract", CONTRACT[0]) == []
    traffic.running = [*release.two]
    await traffic.check_all()


async def test_a_step_back_that_would_lose_something_is_refused(schema: Schema, lines_pool: Pool) -> None:
    with pytest.raises(MigrationFailed, match=r"lines_0001 has no downgrade\(\)"):
        await schema.undo(1, "expand", "lines_0001")
    await schema.expand()
    async with lines_pool.connection() as connection:
        await LineRepository().add(connection, 1, "traffic", "only under its new name")
    with pytest.raises(MigrationFailed, match='column "msg"'):
        await schema.undo(2, "expand", "lines_0002")
    await schema.contract()
    with pytest.raises(MigrationFailed, match="lines_0002 is needed by lines_contract_0001: undo that first"):
        await schema.undo(3, "expand", "lines_0002")
    with pytest.raises(MigrationFailed, match="has no contract revision lines_0002"):
        await schema.undo(3, "contract", "lines_0002")


async def test_the_job_of_a_release_that_is_rolled_back_to_has_nothing_to_do(schema: Schema, lines_pool: Pool) -> None:
    await schema.expand()
    assert await schema.expand(1) == []
    await schema.fill(Field.NEW)
    await schema.contract()
    assert await schema.expand(3) == []
    with pytest.raises(
        MigrationFailed, match=f"lines was contracted by {CONTRACT[0]}, which .*release_2 does not know"
    ):
        await schema.expand(2)
    with pytest.raises(MigrationFailed, match=f"lines has {CONTRACT[0]}, .* use a later release"):
        await schema.undo(2, "expand", "lines_0002")


async def test_migration_versions_say_what_ran_and_what_was_undone(schema: Schema, lines_pool: Pool) -> None:
    await schema.expand()
    await schema.undo(2, "expand", "lines_0002")

    async def told() -> list[tuple[str, str, bool]]:
        async with lines_pool.connection() as connection:
            rows = await connection.fetch("SELECT * FROM migration_versions ORDER BY revision")
        return [(row["revision"], row["phase"], row["undone_at"] is not None) for row in rows]

    assert await told() == [("lines_0001", "expand", False), ("lines_0002", "expand", True)]
    await schema.expand()
    assert await told() == [("lines_0001", "expand", False), ("lines_0002", "expand", False)]


async def test_a_schema_that_an_older_release_migrated_last_is_understood(schema: Schema, lines_pool: Pool) -> None:
    async with lines_pool.connection() as connection:
        await connection.execute("ALTER TABLE migration_versions DROP COLUMN undone_at")
        assert await schema.problem(1) is None
        await connection.execute("DROP TABLE migration_versions")
    assert (await schema.problem(1) or "").startswith("the schema was never migrated, this release needs lines_0001")
