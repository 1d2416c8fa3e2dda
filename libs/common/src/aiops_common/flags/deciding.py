"""For whom a flag is on. Pure: the same flag and the same work give the same answer in every process."""

import hashlib
from dataclasses import dataclass
from typing import Final

from openfeature.flag_evaluation import Reason

from aiops_contracts.base import FeatureFlag

_BUCKETS: Final = 10_000
_PRINCIPALS: Final = frozenset({"user", "key", "partner"})


@dataclass(frozen=True, slots=True)
class Context:
    """What is decided about: the id of the work, on whose behalf it is, and that one's role; None is unknown."""

    work: str | None = None
    principal: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a flag is on, and what decided it."""

    is_on: bool
    reason: Reason


class NoWork(Exception):
    """A percentage was asked for without saying of what."""


def decide(flag: FeatureFlag, context: Context) -> Decision:
    """Whether ``flag`` is on: for whom it names, for the roles that it names, for its percentage of all else.

    Raises:
        NoWork: its percentage has to decide, and ``context`` does not say which work it is about.
    """
    if not flag.enabled:
        return Decision(is_on=False, reason=Reason.DISABLED)
    if _is_named(flag, context) or (context.role is not None and context.role in flag.roles):
        return Decision(is_on=True, reason=Reason.TARGETING_MATCH)
    if flag.percentage in (0, 100):
        return Decision(is_on=flag.percentage == 100, reason=Reason.STATIC)
    if context.work is None:
        raise NoWork(f"{flag.key} is on for {flag.percentage} % of all work: name the work that it is asked for")
    return Decision(is_on=share(flag.key, context.work) < flag.percentage, reason=Reason.SPLIT)


def share(key: str, work: str) -> float:
    """Where ``work`` lies among all work, from 0 to below 100 in steps of 0.01; another place for each flag.

    A hash, so that it is the same wherever it is asked and raising a percentage takes nothing away.
    """
    digest = hashlib.sha256(f"{key}\n{work}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _BUCKETS * 100 / _BUCKETS


def _is_named(flag: FeatureFlag, context: Context) -> bool:
    return any(_names(target, context) for target in flag.allow)


def _names(target: str, context: Context) -> bool:
    kind, _, identity = target.partition(":")
    # A partner chooses the ids of its work: one that is a user's does not make it that user's.
    return target == context.principal if kind in _PRINCIPALS else identity == context.work
