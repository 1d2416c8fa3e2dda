"""Who may call what, and who sees which field: the one table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class Role(StrEnum):
    """What an account may do."""

    ADMIN = "ADMIN"
    OPS = "OPS"
    HR = "HR"
    VIEWER = "VIEWER"


class PrincipalKind(StrEnum):
    """What somebody is, as the names of principals begin."""

    USER = "user"
    API_KEY = "key"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who makes a request, with the role that the account or API key has now (not the one in its token).

    ``user_id`` is the id of whichever of the two it is.
    """

    user_id: UUID
    role: Role
    kind: PrincipalKind = PrincipalKind.USER

    @property
    def is_person(self) -> bool:
        """Whether there is an account behind the request, and not a machine."""
        return self.kind is PrincipalKind.USER

    @property
    def principal(self) -> str:
        """How the viewer is named towards other services."""
        return f"{self.kind}:{self.user_id}"


class Unauthenticated(Exception):
    """There is no valid access token."""


class InvalidCredential(Unauthenticated):
    """A token or key that nobody gave out or that was taken back: a mistake, or somebody trying."""


class Forbidden(Exception):
    """The viewer's role may not do this."""


ALL: Final = frozenset(Role)
ADMIN: Final = frozenset({Role.ADMIN})
ADMIN_OPS: Final = frozenset({Role.ADMIN, Role.OPS})
ADMIN_HR: Final = frozenset({Role.ADMIN, Role.HR})
ADMIN_OPS_HR: Final = frozenset({Role.ADMIN, Role.OPS, Role.HR})

OPERATIONS: Final[dict[str, frozenset[Role]]] = {
    "node": ALL,
    "me": ALL,
    "logEntry": ALL,
    "logEntries": ALL,
    "ticket": ALL,
    "tickets": ALL,
    "changelog": ALL,
    "changelogs": ALL,
    "users": ADMIN,
    "deadLetters": ADMIN,
    "setUserRole": ADMIN,
    "removeUser": ADMIN,
    "apiKeys": ADMIN,
    "createApiKey": ADMIN,
    "revokeApiKey": ADMIN,
    "auditLog": ADMIN,
    "rawLogContent": ADMIN,
    "llmRuns": ADMIN,
    "featureFlags": ADMIN,
    # Also for machines: what watches the model's bills may throw a switch at night. The audit log has it.
    "setFeatureFlag": ADMIN,
    "replayChanges": ALL,
    "replayDeadLetters": ADMIN,
    "summarizeLog": ADMIN_OPS,
    "triageTicket": ADMIN_OPS_HR,
    "generateChangelog": ADMIN_OPS,
    "updateTicketStatus": ADMIN_OPS,
    # HR reads every ticket with its body and hands in its own: who knows whether it is one of theirs may say so.
    "correctTriage": ADMIN_OPS_HR,
    # Who makes releases makes them to the end, also at night: publishing sends nothing anywhere, it closes the record.
    # What stands against a slip is that it takes an approval first, and that the audit log has each step.
    "editChangelog": ADMIN_OPS,
    "approveChangelog": ADMIN_OPS,
    "publishChangelog": ADMIN_OPS,
    "reopenChangelog": ADMIN_OPS,
    "logEntryChanged": ALL,
    "ticketChanged": ALL,
    "changelogChanged": ALL,
}
"""Root fields that need a log-in → the roles that may use them. Those that are not here are open to everybody."""

AUDITED: Final = frozenset(
    {
        "users", "apiKeys", "deadLetters", "replayDeadLetters", "setUserRole", "removeUser", "createApiKey",
        "revokeApiKey", "auditLog", "rawLogContent", "llmRuns", "correctTriage", "editChangelog", "approveChangelog",
        "publishChangelog", "reopenChangelog", "featureFlags", "setFeatureFlag",
    }
)  # fmt: skip
"""Root fields of which every attempt that the role forbids is recorded."""

PUBLIC_OPERATIONS: Final = frozenset({"signup", "login", "refreshTokens", "logout"})

PEOPLE_ONLY: Final = frozenset(
    {
        "setUserRole", "removeUser", "createApiKey", "revokeApiKey", "correctTriage", "approveChangelog",
        "publishChangelog",
    }
)  # fmt: skip
"""Root fields that no API key may use, whatever its role: a stolen one could make another, or shut people out. And
what somebody stands for with their name: a correction teaches the next model, an approval says that it was read."""


def _seen(type_name: str, roles: frozenset[Role], fields: str) -> dict[str, frozenset[Role]]:
    return {f"{type_name}.{field}": roles for field in fields.split()}


def _list_of(type_name: str, roles: frozenset[Role]) -> dict[str, frozenset[Role]]:
    """A connection and its edges are seen by those who may ask for the list."""
    return {
        **_seen(f"{type_name}Connection", roles, "edges nodes pageInfo totalCount"),
        **_seen(f"{type_name}Edge", roles, "cursor node"),
    }


def _payload(type_name: str, operation: str, fields: str = "") -> dict[str, frozenset[Role]]:
    """A payload is seen by those who may use its mutation."""
    return _seen(type_name, ALL if operation in PUBLIC_OPERATIONS else OPERATIONS[operation], f"{fields} userErrors")


FIELDS: Final[dict[str, frozenset[Role]]] = {
    # A log as it was handed in can hold whatever a program wrote: those who run systems read it. What is told of it to
    # everybody (headline, text, templates and one example line of each pattern, all of them redacted) is what a
    # summary is for; without it there would be nothing for the other roles to see.
    **_seen("LogEntry", ALL, "id version source lineCount byteCount state summary failure traceId createdAt updatedAt"),
    **_seen("LogEntry", ADMIN_OPS, "content"),
    **_seen("LogSummary", ALL, "headline text severity firstSeen lastSeen patterns patternCount redactions provenance"),
    **_seen("LogPattern", ALL, "template level count firstSeen lastSeen firstLine example"),
    # Titles are redacted like bodies, and a list without them would be of no use. The reasons are short phrases that
    # decided, quoted from the redacted text: they make a decision open to question, which everybody may.
    **_seen("Ticket", ALL, "id version title source status state triage failure traceId createdAt updatedAt"),
    **_seen("Ticket", ADMIN_OPS_HR, "body"),
    **_seen("Ticket", ADMIN_HR, "reporterEmail"),
    **_seen("Triage", ALL, "category severity priority confidence needsReview reasons labels modelVersion provenance"),
    **_seen("Triage", ALL, "similar correctedBy correctedAt"),
    # Of other tickets only what everybody sees of them too.
    **_seen("SimilarTicket", ALL, "ticketId title score"),
    # Commits are what a team publishes about itself, the names of their authors with them.
    **_seen("Changelog", ALL, "id version project release previousRelease suggestedBump bumpReason state status"),
    **_seen("Changelog", ALL, "approvedBy approvedAt publishedBy publishedAt sections reverted needsReview markdown"),
    **_seen("Changelog", ALL, "summary provenance failure traceId createdAt updatedAt"),
    **_seen("ChangelogSection", ALL, "section entries"),
    **_seen("ChangelogEntry", ALL, "entryId text scope type breaking commits references authors inferred"),
    # Failures are worded by the services themselves: what was wrong with a text, never the text.
    **_seen("JobFailure", ALL, "code message attempts"),
    **_seen(
        "Provenance", ALL, "engine degraded degradedReason model promptVersion inputTokens outputTokens durationMs"
    ),
    # Their values are those of the entity, and are masked field by field as the entity is (service/history.py).
    **_seen("Change", ALL, "version kind changedAt changedBy fields state"),
    **_seen("FieldChange", ALL, "name before after"),
    # One's own account; those of others are for ADMIN, which is decided row by row.
    **_seen("User", ALL, "id email displayName role version createdAt"),
    # What others sent, also what was no message at all: redacted, and yet for ADMIN alone.
    **_seen("DeadLetter", ADMIN, "id queue messageType messageId reason error attempts deadAt traceId body"),
    **_seen("ApiKey", ADMIN, "id name role createdBy version createdAt expiresAt revokedAt"),
    # What customers wrote, redacted, and what a model made of it.
    **_seen("LlmRun", ADMIN, "id operation step template model outcome input output inputTokens outputTokens"),
    **_seen("LlmRun", ADMIN, "durationMs subject traceId createdAt"),
    **_seen("FeatureFlag", ADMIN, "id key version kind value description enabled percentage roles allowList createdAt"),
    **_seen("FeatureFlag", ADMIN, "updatedAt updatedBy"),
    **_seen("AuditRecord", ADMIN, "id at action outcome actor subject address traceId details"),
    **_seen("PageInfo", ALL, "hasNextPage hasPreviousPage startCursor endCursor"),
    **_list_of("LogEntry", ALL),
    **_list_of("Ticket", ALL),
    **_list_of("Changelog", ALL),
    **_list_of("User", ADMIN),
    **_list_of("DeadLetter", ADMIN),
    **_list_of("ApiKey", ADMIN),
    **_list_of("LlmRun", ADMIN),
    **_list_of("FeatureFlag", ADMIN),
    **_seen("AuditLogConnection", ADMIN, "edges nodes pageInfo totalCount"),
    **_seen("AuditRecordEdge", ADMIN, "cursor node"),
    # They speak of the input that the reader sent.
    **_seen("InputError", ALL, "message field code"),
    **_seen("Tokens", ALL, "accessToken refreshToken tokenType expiresAt"),
    **_payload("AuthPayload", "login", "tokens user"),
    **_payload("LogoutPayload", "logout"),
    **_payload("UserPayload", "setUserRole", "user"),
    **_payload("RemoveUserPayload", "removeUser"),
    **_payload("CreateApiKeyPayload", "createApiKey", "apiKey secret"),
    **_payload("ApiKeyPayload", "revokeApiKey", "apiKey"),
    **_payload("SummarizeLogPayload", "summarizeLog", "logEntry"),
    **_payload("TriageTicketPayload", "triageTicket", "ticket"),
    **_payload("GenerateChangelogPayload", "generateChangelog", "changelog"),
    **_payload("UpdateTicketStatusPayload", "updateTicketStatus", "ticket"),
    **_payload("CorrectTriagePayload", "correctTriage", "ticket"),
    **_payload("ChangelogPayload", "editChangelog", "changelog"),
    **_payload("SetFeatureFlagPayload", "setFeatureFlag", "featureFlag"),
    **_payload("ReplayDeadLettersPayload", "replayDeadLetters", "replayed"),
}
"""Every field of every type → the roles that see its value; for the others it is null. The fields of the root types
are in OPERATIONS."""

OPEN_TYPES: Final = frozenset({"AuthPayload", "Tokens", "User", "LogoutPayload", "InputError"})
"""Types that are seen without a log-in too: a User by whoever just signed up or logged in as it."""

NODES: Final[dict[str, frozenset[Role]]] = {
    "LogEntry": ALL,
    "Ticket": ALL,
    "Changelog": ALL,
    "User": ALL,
    "DeadLetter": ADMIN,
    "ApiKey": ADMIN,
    "LlmRun": ADMIN,
    "FeatureFlag": ADMIN,
}
"""Types that implement Node → the roles that get at least some of them by their ids."""


def require(viewer: Viewer | None, operation: str) -> Viewer:
    """The viewer, if it may use the root field ``operation``.

    Raises:
        Unauthenticated: nobody is logged in.
        Forbidden: the role may not do this, or no machine may.
    """
    if viewer is None:
        raise Unauthenticated("log in and send the access token as: Authorization: Bearer <token>")
    if operation in PEOPLE_ONLY and not viewer.is_person:
        raise Forbidden(f"{operation} is for people only: log in and send an access token instead of an API key")
    if not may_use(viewer, operation):
        allowed = ", ".join(sorted(OPERATIONS[operation]))
        raise Forbidden(f"{operation} needs one of the roles {allowed}; yours is {viewer.role}")
    return viewer


def may_use(viewer: Viewer, operation: str) -> bool:
    """Whether ``viewer`` may use the root field ``operation``."""
    return viewer.role in OPERATIONS[operation] and (viewer.is_person or operation not in PEOPLE_ONLY)


def may_see(viewer: Viewer, field: str) -> bool:
    """Whether ``viewer`` sees the value of ``Type.field``; nobody decided on other names: a KeyError."""
    return viewer.role in FIELDS[field]


def masked_fields() -> dict[str, frozenset[Role]]:
    """Fields that are null for some roles which can hold the object that they belong to, and who sees them."""
    return {field: roles for field, roles in FIELDS.items() if roles < _holders(field.partition(".")[0])}


def _holders(type_name: str) -> frozenset[Role]:
    return frozenset().union(*(roles for field, roles in FIELDS.items() if field.startswith(f"{type_name}.")))
