"""Bodies of requests: which are read of whom, and how."""

import gc
import json
from typing import Any, Final

from cross_web import HTTPException
from starlette.requests import Request

from aiops_gateway.domain.access import Unauthenticated
from aiops_gateway.graphql.context import Context

_ANONYMOUS_BYTES: Final = 64 * 1024
"""Largest body that is read of who is not logged in: what may be done then needs a few hundred bytes."""


class TooLarge(HTTPException):
    """A body that is not even read."""

    def __init__(self, code: str, advice: str) -> None:
        told = f"a body over {_ANONYMOUS_BYTES} bytes, or of a length that is not announced, needs a log-in; {advice}"
        super().__init__(413, told)
        self.code = code


def is_large(request: Request) -> bool:
    """Whether a request has a body that must not be read for just anybody."""
    length = request.headers.get("content-length", "")
    small = length.isdecimal() and int(length) <= _ANONYMOUS_BYTES
    return request.method == "POST" and not small


async def check_credential(context: Context) -> None:
    """Let pass who may send a large body.

    Raises:
        TooLarge: nobody is logged in.
    """
    try:
        if not await context.has_credential():
            raise TooLarge("LIMIT_EXCEEDED", "log in, or send less at a time")
    except Unauthenticated as error:
        raise TooLarge("UNAUTHENTICATED", str(error)) from None


def loaded(data: str | bytes) -> Any:
    """``json.loads``; millions of empty lists are 0.2 s, and 1.6 s where each few thousand are gone through anew."""
    collects = gc.isenabled() and len(data) > _ANONYMOUS_BYTES
    if collects:
        gc.disable()
    try:
        return json.loads(data)
    finally:
        if collects:
            gc.enable()
