"""All messages that exist, and their golden payloads."""

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import aiops_contracts
from aiops_contracts.base import Message, registered_messages

GOLDEN = Path(__file__).with_name("golden")


def all_messages() -> dict[str, type[Message]]:
    """Wire type → class, for every message of every owner."""
    for module in pkgutil.iter_modules(aiops_contracts.__path__):
        importlib.import_module(f"aiops_contracts.{module.name}")
    return {name: kind for name, kind in registered_messages().items() if kind.__module__.startswith("aiops_contracts")}


def golden(message_type: str) -> bytes:
    """The golden envelope of a type, as it was once on the wire."""
    return (GOLDEN / f"{message_type}.json").read_bytes()


def losses(was: Any, now: Any, path: str = "$") -> list[str]:
    """What of ``was`` is missing or different in ``now``; members that came later are no loss."""
    if isinstance(was, dict) and isinstance(now, dict):
        gone = [f"{path}.{key} is gone" for key in was.keys() - now.keys()]
        kept = was.keys() & now.keys()
        return gone + [loss for key in sorted(kept) for loss in losses(was[key], now[key], f"{path}.{key}")]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [
            loss for i, (old, new) in enumerate(zip(was, now, strict=True)) for loss in losses(old, new, f"{path}[{i}]")
        ]
    return [] if was == now and type(was) is type(now) else [f"{path} was {json.dumps(was)}, is {json.dumps(now)}"]
