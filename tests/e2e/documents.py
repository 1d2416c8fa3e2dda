"""The GraphQL documents that the tests send, and the ways to wait for a result."""

from support.graphql import GraphqlClient, Json, first

_ERRORS = "userErrors { code field message }"
_USER = "user { id email displayName role version }"
_TOKENS = "tokens { accessToken refreshToken tokenType expiresAt }"
_PROVENANCE = "provenance { engine degraded degradedReason model promptVersion inputTokens outputTokens durationMs }"
_JOB = "id version state traceId createdAt updatedAt failure { code message attempts }"
_ENTRY = "entryId text scope commits"

API_KEY = "id name role createdBy version createdAt expiresAt revokedAt"
LOG_ENTRY = f"""{_JOB} source content lineCount byteCount summary {{
  headline text severity firstSeen lastSeen patternCount redactions {_PROVENANCE}
  patterns {{ template level count firstLine example }}
}}"""
TICKET = f"""{_JOB} title body reporterEmail source status triage {{
  category severity priority confidence needsReview reasons labels modelVersion correctedBy correctedAt
  similar {{ ticketId title score }} {_PROVENANCE}
}}"""
CHANGELOG = f"""{_JOB} project release previousRelease suggestedBump bumpReason markdown summary {_PROVENANCE}
  status approvedBy approvedAt publishedBy publishedAt
  sections {{ section entries {{ {_ENTRY} }} }} reverted {{ {_ENTRY} }} needsReview {{ {_ENTRY} }}
"""

ME = "query Me { me { id email role version } }"
SIGN_UP = f"mutation SignUp($input: SignupInput!) {{ signup(input: $input) {{ {_TOKENS} {_USER} {_ERRORS} }} }}"
LOG_IN = f"mutation LogIn($input: LoginInput!) {{ login(input: $input) {{ {_TOKENS} {_USER} {_ERRORS} }} }}"
REFRESH = f"""mutation Refresh($input: RefreshTokensInput!) {{
  refreshTokens(input: $input) {{ {_TOKENS} {_USER} {_ERRORS} }}
}}"""
LOG_OUT = f"mutation LogOut($input: LogoutInput!) {{ logout(input: $input) {{ {_ERRORS} }} }}"
SET_USER_ROLE = f"""mutation SetUserRole($input: SetUserRoleInput!) {{
  setUserRole(input: $input) {{ {_USER} {_ERRORS} }}
}}"""
REMOVE_USER = f"mutation($input: RemoveUserInput!) {{ removeUser(input: $input) {{ {_ERRORS} }} }}"
CREATE_API_KEY = f"""mutation($input: CreateApiKeyInput!) {{
  createApiKey(input: $input) {{ apiKey {{ {API_KEY} }} secret {_ERRORS} }}
}}"""
REVOKE_API_KEY = f"""mutation($input: RevokeApiKeyInput!) {{
  revokeApiKey(input: $input) {{ apiKey {{ {API_KEY} }} {_ERRORS} }}
}}"""
API_KEYS = f"""query($first: Int, $after: String) {{
  apiKeys(first: $first, after: $after) {{ totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {API_KEY} }} }}
}}"""
AUDIT_LOG = """query($first: Int, $after: String, $filter: AuditLogFilter) {
  auditLog(first: $first, after: $after, filter: $filter) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id at action outcome actor subject address traceId details }
  }
}"""
SUMMARIZE_LOG = f"""mutation SummarizeLog($input: SummarizeLogInput!) {{
  summarizeLog(input: $input) {{ logEntry {{ {LOG_ENTRY} }} {_ERRORS} }}
}}"""
TRIAGE_TICKET = f"""mutation TriageTicket($input: TriageTicketInput!) {{
  triageTicket(input: $input) {{ ticket {{ {TICKET} }} {_ERRORS} }}
}}"""
GENERATE_CHANGELOG = f"""mutation GenerateChangelog($input: GenerateChangelogInput!) {{
  generateChangelog(input: $input) {{ changelog {{ {CHANGELOG} }} {_ERRORS} }}
}}"""
UPDATE_TICKET_STATUS = f"""mutation UpdateTicketStatus($input: UpdateTicketStatusInput!) {{
  updateTicketStatus(input: $input) {{ ticket {{ {TICKET} }} {_ERRORS} }}
}}"""
CORRECT_TRIAGE = f"""mutation CorrectTriage($input: CorrectTriageInput!) {{
  correctTriage(input: $input) {{ ticket {{ {TICKET} }} {_ERRORS} }}
}}"""
EDIT_CHANGELOG = f"""mutation EditChangelog($input: EditChangelogInput!) {{
  editChangelog(input: $input) {{ changelog {{ {CHANGELOG} }} {_ERRORS} }}
}}"""
APPROVE_CHANGELOG, PUBLISH_CHANGELOG, REOPEN_CHANGELOG = (
    f"""mutation($input: ChangelogStatusInput!) {{
      {operation}(input: $input) {{ changelog {{ {CHANGELOG} }} {_ERRORS} }}
    }}"""
    for operation in ("approveChangelog", "publishChangelog", "reopenChangelog")
)

GET_LOG_ENTRY = f"query($id: ID!) {{ logEntry(id: $id) {{ {LOG_ENTRY} }} }}"
GET_TICKET = f"query($id: ID!) {{ ticket(id: $id) {{ {TICKET} }} }}"
GET_CHANGELOG = f"query($id: ID!) {{ changelog(id: $id) {{ {CHANGELOG} }} }}"
LOG_ENTRIES = f"""query($filter: LogEntryFilter) {{
  logEntries(first: 100, filter: $filter) {{ totalCount nodes {{ {LOG_ENTRY} }} }}
}}"""
TICKETS = f"""query($filter: TicketFilter) {{
  tickets(first: 100, filter: $filter) {{ totalCount nodes {{ {TICKET} }} }}
}}"""
DEAD_LETTERS = """query($queue: String, $first: Int, $after: String) {
  deadLetters(queue: $queue, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id queue messageType messageId reason error attempts deadAt traceId body }
  }
}"""
REPLAY_DEAD_LETTERS = f"""mutation($input: ReplayDeadLettersInput!) {{
  replayDeadLetters(input: $input) {{ replayed {_ERRORS} }}
}}"""
LLM_RUNS = """query($first: Int, $after: String, $filter: LlmRunFilter) {
  llmRuns(first: $first, after: $after, filter: $filter) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes {
      id operation step template model outcome input output inputTokens outputTokens durationMs subject traceId
      createdAt
    }
  }
}"""

_FLAG = "id key version kind value enabled percentage roles allowList updatedAt updatedBy"
FEATURE_FLAGS = f"query {{ featureFlags(first: 100) {{ totalCount nodes {{ {_FLAG} }} }} }}"
SET_FEATURE_FLAG = f"""mutation($input: SetFeatureFlagInput!) {{
  setFeatureFlag(input: $input) {{ featureFlag {{ {_FLAG} }} {_ERRORS} }}
}}"""

WATCH_LOG_ENTRY = f"subscription($id: ID) {{ logEntryChanged(id: $id) {{ {LOG_ENTRY} }} }}"
WATCH_TICKET = f"subscription($id: ID) {{ ticketChanged(id: $id) {{ {TICKET} }} }}"
WATCH_CHANGELOG = f"subscription($id: ID) {{ changelogChanged(id: $id) {{ {CHANGELOG} }} }}"


async def submit(client: GraphqlClient, document: str, **values: object) -> Json:
    """The entity that a mutation accepted."""
    payload = next(iter((await client.execute(document, input=values)).values()))
    assert payload["userErrors"] == []
    entity: Json = next(value for name, value in payload.items() if name != "userErrors")
    return entity


async def settled(client: GraphqlClient, watch: str, pending: Json) -> Json:
    """The entity once its work is done, as the subscription ``watch`` tells it."""
    return await first(client.subscribe(watch, id=pending["id"]), lambda entity: bool(entity["state"] != "PENDING"))


async def triaged(client: GraphqlClient, **values: object) -> Json:
    """A ticket that was handed in and triaged."""
    return await settled(client, WATCH_TICKET, await submit(client, TRIAGE_TICKET, **values))


async def drafted(client: GraphqlClient, **values: object) -> Json:
    """A changelog that was handed in and generated."""
    return await settled(client, WATCH_CHANGELOG, await submit(client, GENERATE_CHANGELOG, **values))
