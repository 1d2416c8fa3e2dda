"""Accounts, passwords and sessions: types and rules, without IO."""

from aiops_auth.domain.account import (
    Account,
    InvalidInput,
    Role,
    VersionConflict,
    check_removal,
    new_account,
    parse_display_name,
    parse_email,
    with_role,
)
from aiops_auth.domain.api_key import (
    MAX_LIVE_KEYS,
    SHOWN_AGAIN_FOR,
    ApiKey,
    IssuedApiKey,
    new_api_key,
    parse_api_key_name,
    revoked,
)
from aiops_auth.domain.credential_key import OPENS_AFTER_ROTATION, StoredCredentialKey
from aiops_auth.domain.lockout import (
    FORGOTTEN_AFTER,
    THRESHOLD,
    THRESHOLD_EVERYWHERE,
    LoginFailures,
    counted_under,
    locked_until,
)
from aiops_auth.domain.password_rule import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, password_weakness
from aiops_auth.domain.refresh_token import RefreshToken, RefreshVerdict, judge_refresh
from aiops_auth.domain.security_event import ANONYMOUS, SYSTEM, Detail, SecurityEvent, user_principal
from aiops_auth.domain.signing_key import KEPT_AFTER, StoredSigningKey, retired, signing_key_at

__all__ = [
    "ANONYMOUS",
    "FORGOTTEN_AFTER",
    "KEPT_AFTER",
    "MAX_LIVE_KEYS",
    "MAX_PASSWORD_LENGTH",
    "MIN_PASSWORD_LENGTH",
    "OPENS_AFTER_ROTATION",
    "SHOWN_AGAIN_FOR",
    "SYSTEM",
    "THRESHOLD",
    "THRESHOLD_EVERYWHERE",
    "Account",
    "ApiKey",
    "Detail",
    "InvalidInput",
    "IssuedApiKey",
    "LoginFailures",
    "RefreshToken",
    "RefreshVerdict",
    "Role",
    "SecurityEvent",
    "StoredCredentialKey",
    "StoredSigningKey",
    "VersionConflict",
    "check_removal",
    "counted_under",
    "judge_refresh",
    "locked_until",
    "new_account",
    "new_api_key",
    "parse_api_key_name",
    "parse_display_name",
    "parse_email",
    "password_weakness",
    "retired",
    "revoked",
    "signing_key_at",
    "user_principal",
    "with_role",
]
