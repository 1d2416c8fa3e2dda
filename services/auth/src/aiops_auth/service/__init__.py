"""Use cases of auth."""

from aiops_auth.service.accounts import remove_user, set_user_role
from aiops_auth.service.api_keys import ApiKeys
from aiops_auth.service.credentials import CredentialKeyMissing, Credentials
from aiops_auth.service.first_admin import FirstAdminRefused, ensure_first_admin
from aiops_auth.service.key_ring import KeyRing, Rotation, SigningKeyMissing
from aiops_auth.service.log_in import log_in
from aiops_auth.service.means import Means
from aiops_auth.service.ports import Publish, Transactions
from aiops_auth.service.refresh import log_out, refresh
from aiops_auth.service.replays import Replays
from aiops_auth.service.security_events import SecurityEvents
from aiops_auth.service.sessions import ExpiredSessions, Sessions
from aiops_auth.service.sign_up import sign_up

__all__ = [
    "ApiKeys",
    "CredentialKeyMissing",
    "Credentials",
    "ExpiredSessions",
    "FirstAdminRefused",
    "KeyRing",
    "Means",
    "Publish",
    "Replays",
    "Rotation",
    "SecurityEvents",
    "Sessions",
    "SigningKeyMissing",
    "Transactions",
    "ensure_first_admin",
    "log_in",
    "log_out",
    "refresh",
    "remove_user",
    "set_user_role",
    "sign_up",
]
