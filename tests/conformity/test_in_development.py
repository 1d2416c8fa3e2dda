"""What a developer's gateway has on top: GraphiQL, and the schema for who asks."""

from collections.abc import AsyncIterator

import httpx
import pytest

from aiops_common.postgres import Pool
from conformity import scripts
from support.lone_gateway import LoneGateway, lone_gateway


@pytest.fixture(scope="module")
async def developers(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"], development=True) as running:
        yield running


async def test_a_browser_is_sent_to_graphiql(developers: LoneGateway) -> None:
    async with httpx.AsyncClient(timeout=20, trust_env=False, follow_redirects=True) as http:
        answer = await http.get(developers.url, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert [(one.status_code, one.headers["location"]) for one in answer.history] == [(303, "/graphiql")]
    # Built or not, the page is there: without its files it says how to make them.
    assert answer.status_code in (200, 503)
    assert "GraphiQL" in answer.text


async def test_a_query_is_answered_and_not_sent_there(developers: LoneGateway) -> None:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        answer = await http.get(developers.url, params={"query": "{ __typename }"}, headers={"Accept": "text/html"})
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_the_whole_schema_may_be_asked_for(developers: LoneGateway) -> None:
    types = await scripts.result("introspection.mjs", url=developers.url)
    assert {"Query", "Mutation", "Subscription", "Ticket", "UserError"} <= set(types), types


async def test_in_production_it_may_not(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> None:
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"]) as production:
        refused = await scripts.result("introspection.mjs", url=production.url)
    assert {error["extensions"]["code"] for error in refused["errors"]} <= {"BAD_USER_INPUT", "LIMIT_EXCEEDED"}
