"""The broker of a backup: its definitions (queues, bindings, policies, users with the hashes of their passwords).

Messages are no part of them: what is on its way stands in the outbox of whoever sent it and is sent again.
"""

from typing import Any

import httpx
from deploy.backup.database import BackupFailed

Definitions = dict[str, Any]

_OF_USERS = {"users": "name", "permissions": "user", "topic_permissions": "user"}


def export(management_url: str) -> Definitions:
    """All definitions of the broker at ``management_url``, ``http://user:password@host:port``. Raises BackupFailed."""
    definitions: Definitions = _call("GET", management_url).json()
    return definitions


def restore(management_url: str, definitions: Definitions) -> None:
    """Give the broker what ``definitions`` name; what is there already stays. Raises BackupFailed.

    Its administrator keeps the password that this call was made with, whatever it was when they were exported.
    """
    own = httpx.URL(management_url).username
    kept = {
        kind: [row for row in rows if row[_OF_USERS[kind]] != own] if kind in _OF_USERS else rows
        for kind, rows in definitions.items()
    }
    _call("POST", management_url, kept)


def _call(method: str, management_url: str, body: Definitions | None = None) -> httpx.Response:
    address = httpx.URL(management_url)
    where = address.copy_with(
        username=None, password=None, raw_path=address.raw_path.rstrip(b"/") + b"/api/definitions"
    )
    try:
        with httpx.Client(auth=(address.username, address.password), timeout=60, trust_env=False) as client:
            answer = client.request(method, where, json=body)
    except httpx.HTTPError as error:
        raise BackupFailed(
            f"the management API at {address.host}:{address.port}: {error or type(error).__name__}"
        ) from error
    if answer.is_error:
        raise BackupFailed(f"the management API answered {answer.status_code}: {answer.text.strip()}")
    return answer
