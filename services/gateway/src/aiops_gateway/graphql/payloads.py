"""What mutations return: the thing, or the user errors."""

from datetime import datetime

import strawberry

from aiops_gateway.graphql.changelogs import Changelog
from aiops_gateway.graphql.errors import UserError
from aiops_gateway.graphql.types import LogEntry, Ticket, User


@strawberry.type
class Tokens:
    access_token: str
    refresh_token: str
    token_type: str
    expires_at: datetime = strawberry.field(description="Of the access token.")


@strawberry.type
class AuthPayload:
    tokens: Tokens | None = None
    user: User | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class LogoutPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UserPayload:
    user: User | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class RemoveUserPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class SummarizeLogPayload:
    log_entry: LogEntry | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class TriageTicketPayload:
    ticket: Ticket | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class GenerateChangelogPayload:
    changelog: Changelog | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class UpdateTicketStatusPayload:
    ticket: Ticket | None = strawberry.field(default=None, description="On VERSION_CONFLICT the current one.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class CorrectTriagePayload:
    ticket: Ticket | None = strawberry.field(default=None, description="On VERSION_CONFLICT the current one.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class ChangelogPayload:
    changelog: Changelog | None = strawberry.field(default=None, description="On VERSION_CONFLICT the current one.")
    user_errors: list[UserError] = strawberry.field(default_factory=list)
