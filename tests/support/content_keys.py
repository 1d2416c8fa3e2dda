"""Keys for what is encrypted at rest."""

import base64
import json
import os

from pydantic import SecretStr

from aiops_common.sealing import Keyring


def content_keys(*ids: str) -> str:
    """The value of a ``…_CONTENT_KEYS`` setting with a new key for each id, or for one."""
    return json.dumps([f"{name}:{base64.b64encode(os.urandom(32)).decode()}" for name in ids or ("test",)])


def keyring(*ids: str) -> Keyring:
    """A keyring of new keys."""
    return Keyring.parse(SecretStr(content_keys(*ids)))
