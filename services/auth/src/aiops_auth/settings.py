"""Settings of auth: the environment variables ``AUTH_*``."""

import base64
import binascii

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from aiops_common.settings import ServiceSettings

_MASTER_KEY_BYTES = 32


class AuthSettings(ServiceSettings):
    """What an operator can set beside what every service has. Secrets have no default."""

    # A refused value must not be quoted: it may be a secret with a typing error in it.
    model_config = SettingsConfigDict(env_prefix="AUTH_", hide_input_in_errors=True)

    admin_email: str | None = None
    """Address of the first administrator, made at the start while there is none."""

    admin_password: SecretStr | None = None
    """Password of the first administrator."""

    master_key: SecretStr
    """32 random bytes in base64; seals the private keys (``openssl rand -base64 32``)."""

    issuer: str = Field(default="aiops-auth", min_length=1)
    """``iss`` of access tokens."""

    audience: str = Field(default="aiops", min_length=1)
    """``aud`` of access tokens."""

    access_token_seconds: int = Field(default=600, ge=1, le=3600)
    """How long an access token is good."""

    refresh_token_days: int = Field(default=30, ge=1, le=365)
    """How long a refresh token is good, from each rotation."""

    key_lead_seconds: int = Field(default=120, ge=0, le=24 * 3600)
    """How long a new signing key is announced before it signs, so that every gateway has it by then; at least 60 where
    others read the gateway's JWKS, which they may keep for a minute."""

    key_rotation_days: int = Field(default=90, ge=0, le=3650)
    """Age of the newest signing key at which new keys are made, for signing and for credentials; 0: never."""

    # RFC 9106, section 4: the second recommended option (low memory).
    argon2_memory_kib: int = Field(default=64 * 1024, ge=8, le=4 * 1024 * 1024)
    """Memory of one password hash, in KiB; at least 8 for each lane. After a change of this or of the next two, a
    refused log-in takes another time for an account than for an unknown address, until the account has logged in once.
    """

    argon2_time_cost: int = Field(default=3, ge=1, le=100)
    """Passes over that memory."""

    argon2_parallelism: int = Field(default=4, ge=1, le=64)
    """Lanes (threads) of one hash."""

    prefetch: int = Field(default=256, ge=1, le=1000)
    """Requests that are worked on at the same time; those behind them wait on the broker, and expire there."""

    hash_concurrency: int = Field(default=2, ge=1, le=64)
    """Hashes computed at once; times ``argon2_memory_kib`` it is the memory that a flood of log-ins can take."""

    hash_queue: int = Field(default=128, ge=1, le=1000)
    """Log-ins and sign-ups that wait for their hash; further ones are turned away. ``prefetch`` should be well above
    it, so that requests that need no hash are answered meanwhile."""

    @field_validator("master_key")
    @classmethod
    def _is_32_bytes(cls, value: SecretStr) -> SecretStr:
        try:
            size = len(base64.b64decode(value.get_secret_value(), validate=True))
        except (binascii.Error, ValueError):
            size = -1
        if size != _MASTER_KEY_BYTES:
            raise ValueError(f"must be {_MASTER_KEY_BYTES} bytes in base64; make one with: openssl rand -base64 32")
        return value

    def master_key_bytes(self) -> bytes:
        """The decoded master key."""
        return base64.b64decode(self.master_key.get_secret_value())
