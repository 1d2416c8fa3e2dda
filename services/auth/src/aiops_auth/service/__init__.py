"""Use cases of auth."""

from aiops_auth.service.auth_service import AuthService, FirstAdminRefused, Publish, Transactions
from aiops_auth.service.replays import Replays
from aiops_auth.service.sessions import SigningKeyMissing

__all__ = ["AuthService", "FirstAdminRefused", "Publish", "Replays", "SigningKeyMissing", "Transactions"]
