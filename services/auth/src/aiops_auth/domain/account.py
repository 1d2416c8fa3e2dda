"""An account, and what its e-mail address and display name may look like."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

MAX_EMAIL_LENGTH = 320
MAX_DISPLAY_NAME_LENGTH = 100

# RFC 5321, 4.5.3.1: 64 octets of local part and 255 of domain; 64 + 1 + 255 is the 320 above.
_MAX_LOCAL_LENGTH = 64
_MAX_DOMAIN_LENGTH = 255
# The "valid e-mail address" of https://html.spec.whatwg.org/#email-state-(type=email), which is what browsers check,
# and beyond it the letters and digits of other scripts (RFC 6531).
_LOCAL_PART = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+")
_DOMAIN_LABEL = re.compile(r"[^\W_](?:[^\W_]|-){0,62}(?<!-)")


class Role(StrEnum):
    """What an account may do; a new sign-up is VIEWER."""

    ADMIN = "ADMIN"
    OPS = "OPS"
    HR = "HR"
    VIEWER = "VIEWER"


class InvalidInput(ValueError):
    """A field of a request breaks a rule; the message says which rule, never the value."""

    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.field = field_name
        self.message = message


class VersionConflict(Exception):
    """Somebody else changed the account since the caller looked; the message names both versions."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can log in. ``version`` counts changes of what others can see, from 1."""

    id: UUID
    version: int
    email: str
    display_name: str
    role: Role
    created_at: datetime
    updated_at: datetime
    password_hash: str = field(repr=False)


def new_account(email: str, display_name: str, role: Role, *, password_hash: str, now: datetime) -> Account:
    """An account at version 1; ``email`` and ``display_name`` are parsed already."""
    return Account(
        id=uuid4(),
        version=1,
        email=email,
        display_name=display_name,
        role=role,
        created_at=now,
        updated_at=now,
        password_hash=password_hash,
    )


def parse_email(text: str) -> str:
    """The one spelling under which an address is stored and looked up: trimmed, lower case, NFC.

    RFC 5321 leaves the case of the local part to the receiving host; no host that people use tells
    them apart, and two accounts that differ only in case are a way to deceive.

    Raises:
        InvalidInput: field ``email``; not one local part and one domain, or too long.
    """
    if len(text) > MAX_EMAIL_LENGTH:
        raise InvalidInput("email", f"The e-mail address has more than {MAX_EMAIL_LENGTH} characters.")
    email = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).lower())
    local, _, domain = email.partition("@")
    if email.count("@") != 1 or not local or not domain:
        raise InvalidInput("email", "An e-mail address has one @ with a name before it and a domain after it.")
    if len(local) > _MAX_LOCAL_LENGTH or len(domain) > _MAX_DOMAIN_LENGTH:
        raise InvalidInput(
            "email",
            f"The part before the @ may have {_MAX_LOCAL_LENGTH} characters, the domain {_MAX_DOMAIN_LENGTH}.",
        )
    if not _LOCAL_PART.fullmatch(local):
        raise InvalidInput("email", "The part before the @ contains a character that an e-mail address cannot have.")
    if not all(_DOMAIN_LABEL.fullmatch(label) for label in domain.split(".")):
        raise InvalidInput("email", "The part after the @ is not a domain name.")
    return email


def parse_display_name(text: str) -> str:
    """The name that others see: trimmed, NFC, 1 to 100 printable characters.

    Raises:
        InvalidInput: field ``display_name``; empty, too long, or with control or formatting characters, which could
            hide or reorder what is shown around the name.
    """
    if len(text) > MAX_DISPLAY_NAME_LENGTH:
        raise InvalidInput("display_name", f"The display name has more than {MAX_DISPLAY_NAME_LENGTH} characters.")
    name = unicodedata.normalize("NFC", text.strip())
    if not 1 <= len(name) <= MAX_DISPLAY_NAME_LENGTH:
        raise InvalidInput("display_name", f"The display name must have 1 to {MAX_DISPLAY_NAME_LENGTH} characters.")
    if not name.isprintable():
        raise InvalidInput("display_name", "The display name contains characters that cannot be printed.")
    return name


def with_role(account: Account, role: Role, *, expected_version: int, admins: int, now: datetime) -> Account:
    """``account`` one version later with ``role``, or unchanged if it has that role already.

    Raises:
        VersionConflict: ``account`` is not at ``expected_version``.
        InvalidInput: field ``role``; the change would leave none of the ``admins``.
    """
    _check_version(account, expected_version)
    if account.role is role:
        return account
    if account.role is Role.ADMIN and admins <= 1:
        raise InvalidInput("role", "This is the last administrator; make another account ADMIN first.")
    return replace(account, role=role, version=account.version + 1, updated_at=max(now, account.updated_at))


def check_removal(account: Account, *, expected_version: int, admins: int) -> None:
    """Whether ``account`` may be removed.

    Raises:
        VersionConflict: it is not at ``expected_version``.
        InvalidInput: field ``user_id``; it is the last of the ``admins``.
    """
    _check_version(account, expected_version)
    if account.role is Role.ADMIN and admins <= 1:
        raise InvalidInput("user_id", "This is the last administrator; make another account ADMIN first.")


def _check_version(account: Account, expected_version: int) -> None:
    if account.version != expected_version:
        raise VersionConflict(
            f"The account is at version {account.version}, not {expected_version}: look at it again, then decide."
        )
