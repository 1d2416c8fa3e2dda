"""Accounts, passwords and sessions: types and rules, without IO."""

from aiops_auth.domain.account import (
    Account,
    InvalidInput,
    Role,
    VersionConflict,
    new_account,
    parse_display_name,
    parse_email,
    with_role,
)
from aiops_auth.domain.lockout import FORGOTTEN_AFTER, LoginFailures, locked_until
from aiops_auth.domain.password_rule import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, password_weakness
from aiops_auth.domain.refresh_token import RefreshToken, RefreshVerdict, judge_refresh
from aiops_auth.domain.signing_key import StoredSigningKey

__all__ = [
    "FORGOTTEN_AFTER",
    "MAX_PASSWORD_LENGTH",
    "MIN_PASSWORD_LENGTH",
    "Account",
    "InvalidInput",
    "LoginFailures",
    "RefreshToken",
    "RefreshVerdict",
    "Role",
    "StoredSigningKey",
    "VersionConflict",
    "judge_refresh",
    "locked_until",
    "new_account",
    "parse_display_name",
    "parse_email",
    "password_weakness",
    "with_role",
]
