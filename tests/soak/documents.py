"""The GraphQL documents of the load; every mutation answers as ``told { job, userErrors }``, every look as ``job``."""

from soak.content import JobKind

_ERRORS = "userErrors { code message }"
_TICKET = "id version state status"


def _submission(operation: str, field: str) -> str:
    variables = f"$input: {operation[0].upper()}{operation[1:]}Input!"
    return f"mutation({variables}) {{ told: {operation}(input: $input) {{ job: {field} {{ id }} {_ERRORS} }} }}"


SUBMIT = {
    JobKind.TICKET: _submission("triageTicket", "ticket"),
    JobKind.LOG: _submission("summarizeLog", "logEntry"),
    JobKind.CHANGELOG: _submission("generateChangelog", "changelog"),
}
LOOK = {
    JobKind.TICKET: f"query($id: ID!) {{ job: ticket(id: $id) {{ {_TICKET} }} }}",
    JobKind.LOG: "query($id: ID!) { job: logEntry(id: $id) { id version state } }",
    JobKind.CHANGELOG: "query($id: ID!) { job: changelog(id: $id) { id version state } }",
}
MOVE = f"""mutation($input: UpdateTicketStatusInput!) {{
  told: updateTicketStatus(input: $input) {{ job: ticket {{ {_TICKET} }} {_ERRORS} }}
}}"""
NEWEST = "{ tickets(first: 20, filter: { state: SUCCEEDED }) { nodes { id title version } } }"
LOG_IN = f"""mutation($input: LoginInput!) {{
  told: login(input: $input) {{ tokens {{ accessToken }} {_ERRORS} }}
}}"""
