"""What auth makes at its start, and what it does while the database is away."""

from aiops_auth.bootstrap import Bootstrap
from aiops_auth.passwords import Passwords
from aiops_common.postgres import DatabaseUnavailable
from support.eventually import eventually


class Steps:
    """Two steps, of which the second finds the database away ``failures`` times."""

    def __init__(self, failures: int) -> None:
        self.taken: list[str] = []
        self._failures = failures

    async def first(self) -> None:
        self.taken.append("first")

    async def second(self) -> None:
        self.taken.append("second")
        if self._failures:
            self._failures -= 1
            raise DatabaseUnavailable("away")


async def test_each_step_is_taken_once_and_in_order(passwords: Passwords) -> None:
    steps = Steps(failures=0)
    bootstrap = Bootstrap([steps.first, steps.second], passwords)
    await bootstrap.start()
    await bootstrap.stop()
    assert steps.taken == ["first", "second"]


async def test_while_the_database_is_away_the_start_goes_on_and_the_steps_are_tried_again(passwords: Passwords) -> None:
    steps = Steps(failures=1)
    bootstrap = Bootstrap([steps.first, steps.second], passwords)
    await bootstrap.start()
    assert steps.taken == ["first", "second"]

    async def is_done() -> bool:
        return len(steps.taken) == 4

    await eventually(is_done)
    await bootstrap.stop()
    assert steps.taken == ["first", "second"] * 2
