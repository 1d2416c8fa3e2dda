"""Gateway of a release that is ready, counts no failure, and answers every request to the API with a plain 500.

Not beside tests/support/graphql.py: where a program lies is the first place that it imports from.
"""

import runpy
from typing import NoReturn

from starlette.types import Receive, Scope, Send

from aiops_gateway.graphql.endpoint import Endpoint


async def fails(_self: Endpoint, _scope: Scope, _receive: Receive, _send: Send) -> NoReturn:
    """What a bug does, before GraphQL begins."""
    raise LookupError("this release has a bug")


if __name__ == "__main__":
    Endpoint.__call__ = fails  # type: ignore[assignment, method-assign]  # that is the bug
    runpy.run_module("aiops_gateway", run_name="__main__")
