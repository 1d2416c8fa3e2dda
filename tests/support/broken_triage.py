"""Triage of a release that is ready, and fails at every ticket."""

import runpy
from typing import NoReturn

from aiops_common.messaging.message import Delivery
from aiops_contracts.triage import TriageTicket
from aiops_triage.service import TriageService


async def fails(_self: TriageService, _delivery: Delivery[TriageTicket]) -> NoReturn:
    """What a bug does."""
    raise LookupError("this release has a bug")


if __name__ == "__main__":
    TriageService.triage = fails  # type: ignore[assignment, method-assign]  # that is the bug
    runpy.run_module("aiops_triage", run_name="__main__")
