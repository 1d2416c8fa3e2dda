"""Prometheus understands what the dashboards ask, and has an answer where something happened."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from yarl import URL

from e2e import documents
from support.administrator import administrator
from support.dashboards import expressions, panel_expressions
from support.eventually import eventually
from support.prometheus import Prometheus, programs, prometheus, promtool
from support.servers import SERVICES
from support.stack import RunningStack

# The first of the tests starts the stack.
pytestmark = pytest.mark.timeout(300)

# They show what has not happened on a stack where all is well.
_RARE = {
    "aiops-engines.json: Why results are degraded (A)",
    "aiops-messaging.json: Outcomes other than done (A)",
}


def test_every_expression_is_promql(tmp_path: Path) -> None:
    # As rules, because that is what promtool checks.
    asked = list(expressions())
    rules = [{"record": f"expression:{number}", "expr": expr} for number, (_, expr) in enumerate(asked)]
    file = tmp_path / "expressions.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(asked)} rules found" in done.stdout


@pytest.fixture(scope="module")
async def scraped(stack: RunningStack) -> AsyncIterator[Prometheus]:
    """Prometheus, which has seen every service before and after somebody logged in and handed in a ticket."""
    programs()
    addresses = {name: [f"127.0.0.1:{URL(stack.stack.services.url(name)).port}"] for name in SERVICES}
    with prometheus(addresses) as server:
        await _seen(server, since=0.0)
        admin = await administrator(stack)
        await documents.triaged(admin, title="The coffee machine leaks", body="There is a puddle.")
        await _seen(server, since=time.time())
        yield server


async def _seen(server: Prometheus, since: float) -> None:
    """Return once every service has told what it had counted at ``since``."""

    async def all_of_them() -> bool:
        # Of the series itself: the time of a comparison is when it was asked for.
        up = 'up{job!="prometheus"}'
        return len(await server.query(f"timestamp({up}) > {since!r} and {up} == 1")) == len(SERVICES)

    await eventually(all_of_them, seconds=60)


async def test_every_panel_has_something_to_show(scraped: Prometheus) -> None:
    empty = {where for where, expr in panel_expressions() if not await scraped.query(expr)}
    assert empty - _RARE == set()
