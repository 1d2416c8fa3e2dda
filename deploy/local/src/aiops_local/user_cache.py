"""Where things are kept that took long to get, for all checkouts of this user."""

import os
from pathlib import Path


def user_cache() -> Path:
    """Our directory in the user's cache: https://specifications.freedesktop.org/basedir-spec/0.8/"""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # The specification wants relative paths ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "aiops"
