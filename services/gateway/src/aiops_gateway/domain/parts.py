"""The parts of the read model that can be rebuilt one by one."""

from enum import StrEnum


class Part(StrEnum):
    """As an operator names them, in the order in which they are rebuilt: without keys and accounts nobody can read."""

    SIGNING_KEYS = "signing-keys"
    USERS = "users"
    API_KEYS = "api-keys"
    LOG_ENTRIES = "log-entries"
    TICKETS = "tickets"
    CHANGELOGS = "changelogs"
