"""The GraphQL documents that the demo sends."""

_PROVENANCE = "provenance { engine degraded degradedReason model durationMs }"
_ERRORS = "userErrors { code field message }"
_JOB = "id version state traceId failure { code message attempts }"
_LOG = f"""
fragment Log on LogEntry {{
  {_JOB} source lineCount byteCount
  summary {{
    headline text severity firstSeen lastSeen patternCount redactions {_PROVENANCE}
    patterns {{ template level count }}
  }}
}}"""
_TICKET = f"""
fragment TicketParts on Ticket {{
  {_JOB} title body source status
  triage {{ category severity priority confidence needsReview reasons labels {_PROVENANCE} }}
}}"""
_CHANGELOG = f"""
fragment Notes on Changelog {{
  {_JOB} project release suggestedBump summary markdown {_PROVENANCE}
  sections {{ section entries {{ text }} }}
  reverted {{ text }} needsReview {{ text }}
}}"""

LOG_IN = f"""
mutation LogIn($input: LoginInput!) {{
  login(input: $input) {{ tokens {{ accessToken expiresAt }} user {{ email role }} {_ERRORS} }}
}}"""
SIGN_UP = f"""
mutation SignUp($input: SignupInput!) {{
  signup(input: $input) {{ tokens {{ accessToken expiresAt }} user {{ email role }} {_ERRORS} }}
}}"""
ME = "query Me { me { email role } }"

SUMMARIZE_LOG = f"""
mutation SummarizeLog($input: SummarizeLogInput!) {{
  summarizeLog(input: $input) {{ logEntry {{ ...Log }} {_ERRORS} }}
}}{_LOG}"""
WATCH_LOG = f"subscription WatchLog($id: ID) {{ logEntryChanged(id: $id) {{ ...Log }} }}{_LOG}"

TRIAGE_TICKET = f"""
mutation TriageTicket($input: TriageTicketInput!) {{
  triageTicket(input: $input) {{ ticket {{ ...TicketParts }} {_ERRORS} }}
}}{_TICKET}"""
WATCH_TICKET = f"subscription WatchTicket($id: ID) {{ ticketChanged(id: $id) {{ ...TicketParts }} }}{_TICKET}"
UPDATE_TICKET_STATUS = f"""
mutation UpdateTicketStatus($input: UpdateTicketStatusInput!) {{
  updateTicketStatus(input: $input) {{ ticket {{ ...TicketParts }} {_ERRORS} }}
}}{_TICKET}"""

GENERATE_CHANGELOG = f"""
mutation GenerateChangelog($input: GenerateChangelogInput!) {{
  generateChangelog(input: $input) {{ changelog {{ ...Notes }} {_ERRORS} }}
}}{_CHANGELOG}"""
WATCH_CHANGELOG = f"subscription WatchChangelog($id: ID) {{ changelogChanged(id: $id) {{ ...Notes }} }}{_CHANGELOG}"
