"""Every SQL statement of auth, a module for each thing that is stored."""

from aiops_auth.repository.accounts import Repository
from aiops_auth.repository.api_keys import ApiKeyRepository
from aiops_auth.repository.credential_keys import CredentialKeyRepository
from aiops_auth.repository.security_events import SecurityEventRepository
from aiops_auth.repository.signing_keys import SigningKeyRepository

__all__ = [
    "ApiKeyRepository",
    "CredentialKeyRepository",
    "Repository",
    "SecurityEventRepository",
    "SigningKeyRepository",
]
