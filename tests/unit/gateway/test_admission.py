"""The doorkeeper before the application: what is counted, what is free, and what is given back."""

from contextlib import suppress
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from aiops_gateway.domain.rates import Rate
from aiops_gateway.limits.admission import AdmissionControl
from aiops_gateway.service.admission import (
    VISIT,
    Admission,
    AdmissionLimits,
    TooManyConnections,
    TooManyRequests,
    Visit,
)
from support.metrics import Counted

FREE = frozenset({"/livez", "/readyz"})
SLOW = Rate(per_second=0.001, burst=3)
LIMITS = AdmissionLimits(SLOW, Rate(0.001, 5), Rate(0.001, 2), principal_connections=1, address_connections=2)


class Application:
    """Answers 200, after it did with the visit what the test wants."""

    def __init__(self, principal: str | None = None, *, fails: bool = False) -> None:
        self.principal = principal
        self.fails = fails
        self.visits: list[Visit] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if visit := scope.get(VISIT):
            self.visits.append(visit)
            with suppress(TooManyRequests):  # told in the body; the status is the doorkeeper's
                visit.admit(self.principal)
        if self.fails:
            raise RuntimeError("a fault")
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
            await send({"type": "http.response.body", "body": b"served"})


async def ask(
    control: AdmissionControl, path: str = "/graphql", *, address: str = "192.0.2.1", kind: str = "http", **scope: Any
) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": kind, "path": path, "client": (address, 1), "headers": [], **scope}
    await control(scope, receive, send)
    return sent


def control(application: Application, limits: AdmissionLimits = LIMITS) -> AdmissionControl:
    return AdmissionControl(application, Admission(limits), FREE)


async def test_an_address_that_comes_too_often_is_told_when_to_come_again() -> None:
    door = control(Application())
    for _ in range(5):
        assert (await ask(door))[0]["status"] == 200
    start, body = await ask(door)
    assert start["status"] == 429
    assert 1 <= int(dict(start["headers"])[b"retry-after"]) <= 1000
    assert b'"code":"LIMIT_EXCEEDED"' in body["body"]
    assert (await ask(door, address="192.0.2.2"))[0]["status"] == 200


async def test_free_paths_are_not_counted() -> None:
    door = control(Application())
    for path in FREE:
        for _ in range(20):
            assert (await ask(door, path))[0]["status"] == 200


@pytest.mark.parametrize("path", ["/graphql\n", "/livez\n", "/graphql/", "//livez", "/", ""])
async def test_every_other_path_is_counted_however_it_is_written(path: str) -> None:
    door = control(Application())
    answered = [(await ask(door, path))[0]["status"] for _ in range(6)]
    assert answered == [200] * 5 + [429]


@pytest.mark.parametrize("accept", [b"text/event-stream", b"Text/Event-Stream", b"application/json, TEXT/EVENT-STREAM"])
async def test_a_stream_is_known_however_it_is_written(accept: bytes) -> None:
    application = Application()
    await ask(control(application), headers=[(b"accept", accept)])
    assert application.visits[0].stream


async def test_who_asks_is_found_out_later_and_changes_the_status() -> None:
    door = control(Application("user:1"))
    for number in range(3):
        assert (await ask(door, address=f"192.0.2.{number}"))[0]["status"] == 200
    start, _ = await ask(door, address="192.0.2.9")
    assert start["status"] == 429
    headers = dict(start["headers"])
    assert headers[b"x"] == b"y"
    assert int(headers[b"retry-after"]) >= 1


async def test_a_websocket_over_the_limit_is_refused_in_its_handshake() -> None:
    held = Admission(LIMITS)
    for _ in range(2):
        held.visit("192.0.2.1", websocket=True)
    door = AdmissionControl(Application(), held, FREE)
    start, _ = await ask(door, kind="websocket", extensions={"websocket.http.response": {}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
    (closed,) = await ask(door, kind="websocket")
    assert (closed["type"], closed["code"]) == ("websocket.close", 1013)


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_websocket_held_is_given_back_however_it_ends(fails: bool) -> None:
    application = Application("user:1", fails=fails)
    admission = Admission(LIMITS)
    door = AdmissionControl(application, admission, FREE)
    for number in range(3):
        how = {"kind": "websocket"} if number else {"headers": [(b"accept", b"text/event-stream")]}
        try:
            await ask(door, address=f"192.0.2.{number}", **how)
        except RuntimeError:
            assert fails
    assert len(application.visits) == 3
    assert admission.address_connections._taken == {}


def test_a_websocket_counts_once_for_its_account() -> None:
    admission = Admission(LIMITS)
    first, second = (admission.visit("192.0.2.1", websocket=True) for _ in range(2))
    for _ in range(5):
        first.seat("user:1")
    with pytest.raises(TooManyConnections, match="this account has 1"):
        second.seat("user:1")
    second.seat("user:2")
    first.end()
    second.end()
    assert admission.principal_connections._taken == {}
    for _ in range(2):
        admission.visit("192.0.2.1", websocket=True)
    with pytest.raises(TooManyConnections, match="this address has 2"):
        admission.visit("192.0.2.1", websocket=True)


def test_a_stream_of_events_counts_like_a_websocket() -> None:
    admission = Admission(LIMITS)
    first = admission.visit("192.0.2.1", stream=True)
    first.admit("user:1")
    second = admission.visit("192.0.2.1", stream=True)
    with pytest.raises(TooManyConnections, match="this account has 1"):
        second.admit("user:1")
    second.end()
    with pytest.raises(TooManyConnections, match="this address has 2"):
        [admission.visit("192.0.2.1", stream=True) for _ in range(2)]
    first.end()
    assert admission.principal_connections._taken == {}


def test_operations_of_a_websocket_count_for_its_address_too() -> None:
    visit = Admission(LIMITS).visit("192.0.2.1", websocket=True)
    for _ in range(4):
        visit.admit(None)
    with pytest.raises(TooManyRequests, match="this address"):
        visit.admit(None)


def test_each_refusal_is_counted_once_where_it_is_made_and_no_error_counts_by_itself() -> None:
    series = {reason: Counted("aiops_http_refused_total", reason=reason) for reason in ("rate", "connections")}
    TooManyRequests("never raised", 1.0)
    TooManyConnections("never raised")
    admission = Admission(LIMITS)
    for _ in range(2):
        admission.visit("192.0.2.1", websocket=True)
    with pytest.raises(TooManyConnections):
        admission.visit("192.0.2.1", websocket=True)
    visit = admission.visit("192.0.2.2", websocket=True)
    for _ in range(4):
        visit.admit(None)
    with pytest.raises(TooManyRequests):
        visit.admit(None)
    assert {reason: one.more for reason, one in series.items()} == {"rate": 1, "connections": 1}


def test_sign_ins_are_counted_by_address_not_by_request() -> None:
    admission = Admission(LIMITS)
    admission.visit("2001:db8::1", websocket=False).sign_in()
    again = admission.visit("2001:db8::2", websocket=False)
    again.sign_in()
    with pytest.raises(TooManyRequests, match="sign-ins"):
        again.sign_in()
    admission.visit("2001:db8:0:1::1", websocket=False).sign_in()
