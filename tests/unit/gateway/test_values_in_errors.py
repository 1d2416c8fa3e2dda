"""What is wrong with a value is told without the value: it may be a password in the wrong place."""

from typing import Any

import pytest

from unit.gateway.schema import built

SECRET = "correct-horse"
LOG_IN = "mutation($i: LoginInput!) { login(input: $i) { userErrors { message } } }"
SET_ROLE = "mutation($i: SetUserRoleInput!) { setUserRole(input: $i) { userErrors { message } } }"
TICKETS = "query($f: TicketFilter, $n: Int) { tickets(first: $n, filter: $f) { totalCount } }"
LOGS = "query($f: LogEntryFilter) { logEntries(filter: $f) { totalCount } }"


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (LOG_IN, {"i": {"email": "a@b.co", "password": [SECRET]}}),
        (LOG_IN, {"i": {"email": "a@b.co", "password": {"a": SECRET}}}),
        (LOG_IN, {"i": {"email": "a@b.co", "password": SECRET, "more": 1}}),
        (LOG_IN, {"i": {"password": SECRET}}),
        (LOG_IN, {"i": [SECRET, SECRET]}),
        (LOG_IN, {"i": SECRET}),
        (SET_ROLE, {"i": {"userId": "x", "role": SECRET, "expectedVersion": 1}}),
        (SET_ROLE, {"i": {"userId": "x", "role": f"a' {SECRET} 'b", "expectedVersion": 1}}),
        (SET_ROLE, {"i": {"userId": [SECRET], "role": "HR", "expectedVersion": SECRET}}),
        (TICKETS, {"n": SECRET}),
        (TICKETS, {"f": {"needsReview": SECRET, "status": [SECRET]}}),
        (LOGS, {"f": {"createdAfter": SECRET, "text": 5, "more\n": SECRET}}),
        (f'mutation {{ login(input: {{ email: "a", password: ["{SECRET}"] }}) {{ userErrors {{ message }} }} }}', {}),
        (f'mutation {{ login(input: {{ email: "a", password: {{ a: "{SECRET}" }} }}) {{ user {{ id }} }} }}', {}),
        (f'{{ tickets(first: "{SECRET}") {{ totalCount }} }}', {}),
        (f'{{ tickets(filter: {{ status: "{SECRET}" }}) {{ totalCount }} }}', {}),
    ],
)
async def test_no_value_is_repeated(document: str, variables: dict[str, Any]) -> None:
    answer = await built().execute(document, variable_values=variables)
    assert answer.errors
    told = [error.message for error in answer.errors]
    assert SECRET not in str(told)
    assert all(20 < len(message) < 200 for message in told), told
